"""Freeze a cohort: who is in it, and the very files it was read from."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from federim.audit import trail
from federim.home import Home, Role
from federim.keys import canonical
from federim.lake import cohort as cohorts
from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.declared.persons import PERSON
from federim.lake.reader import connect as connect_files
from federim.lake.schema import TABLES
from federim.lake.storage import disk_may_refuse, private_files, sync
from federim.lake.tables import Lake
from federim.model.errors import LakeError, UnknownName, VerificationFailed

DOCUMENT = "snapshot.json"

COHORT_PERSON = Table(
    name="cohort_person",
    grain="one row a person of the cohort",
    description="Who is in the cohort",
    key=("person_id",),
    sort=("person_id",),
    columns=(
        PERSON.column("person_id"),
        Column(
            name="index_date",
            type=pa.date32(),
            kind=Kind.DATE,
            description="Day 0 of the cohort definition, moved by the person's own number of whole days",
        ),
    ),
)
COHORT_SERIES = Table(
    name="cohort_series",
    grain="one row a series of the cohort",
    description="Series that meet the cohort definition",
    key=("SeriesInstanceUID",),
    sort=("person_id", "SeriesInstanceUID"),
    columns=(PERSON.column("person_id"), IMAGE_OCCURRENCE.column("SeriesInstanceUID")),
)
SNAPSHOT_TABLES: dict[str, Table] = {
    "cohort_person": COHORT_PERSON,
    "cohort_series": COHORT_SERIES,
    "image_occurrence": IMAGE_OCCURRENCE,  # before `study`, whose condition reads it
    **{name: table for name, table in TABLES.items() if table.person},
}


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A Parquet file, its path relative to the home's lake."""

    path: str
    sha256: str
    rows: int

    @property
    def table(self) -> str:
        return self.path.split("/", 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A frozen cohort. `sha256` covers all but `created_at`: freezing the same again gives the same."""

    id: str
    cohort: str
    sha256: str
    persons: int
    series: int
    files: tuple[PinnedFile, ...]
    sql: str
    created_at: str


def freeze(home: Home, name: str, *, actor: str = "operator") -> Snapshot:
    """Evaluate the cohort called `name` and write it, with the lake files it rests on, as a snapshot.

    Raises
    ------
    UnknownName, InputError
        See `cohort.load`.
    StorageFull
        The disk refuses; nothing is kept.
    """
    home.require(Role.SITE)
    definition = cohorts.load(home, name)
    compiled = cohorts.compile(definition)
    lake = Lake(home)
    live = {table: lake.files(table) for table, declared in TABLES.items() if declared.person}
    # The very files that are pinned are read: a run may be adding others.
    with connect_files(live, memory=home.settings.query_memory) as connection:
        members = cohorts.evaluate(connection, compiled, seconds=home.settings.query_seconds)
    part = home.snapshots / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        with disk_may_refuse(), private_files():
            part.mkdir()
            content = {
                "cohort": name,
                "definition": definition.as_document(),
                "sql": compiled.sql,
                "series_sql": compiled.series_sql,
                "parameters": compiled.parameters,
                "persons": members.persons.num_rows,
                "series": members.series.num_rows,
                "members": {
                    table.name: _write_members(part / f"{table.name}.parquet", table, rows)
                    for table, rows in ((COHORT_PERSON, members.persons), (COHORT_SERIES, members.series))
                },
                "files": [asdict(_pin(home, path)) for paths in live.values() for path in paths],
            }
            frozen = _publish(home, part, content)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    trail.record(
        home, actor, "cohort.freeze", snapshot=frozen.id, persons=frozen.persons, series=frozen.series
    )
    return frozen


def load(home: Home, wanted: str) -> Snapshot:
    """The snapshot of that id, or the only one whose id begins so, or the latest of the cohort called so.

    Raises
    ------
    UnknownName
        There is none, or several begin so; the message suggests the nearest.
    VerificationFailed
        One of the snapshot's own files was changed.
    """
    known = {snapshot.id: snapshot for snapshot in every(home)}
    if wanted in known:
        return known[wanted]
    of_cohort = [snapshot for snapshot in known.values() if snapshot.cohort == wanted]
    if of_cohort:
        return max(of_cohort, key=lambda snapshot: snapshot.created_at)
    beginning = [snapshot for id_, snapshot in known.items() if id_.startswith(wanted)]
    if len(beginning) == 1:
        return beginning[0]
    raise UnknownName("snapshot", wanted, {*known, *(snapshot.cohort for snapshot in known.values())})


def every(home: Home) -> list[Snapshot]:
    """Every snapshot of the home, by id."""
    return [_read(path) for path in sorted(home.snapshots.glob(f"*/{DOCUMENT}"))]


def verify(home: Home, snapshot: Snapshot) -> Snapshot:
    """The snapshot, once every lake file it pins is found to be what was pinned: one hash of each.

    Raises
    ------
    LakeError
        A pinned file is gone.
    VerificationFailed
        A pinned file was changed; the message names it.
    """
    _check_present(home, snapshot)
    for pinned in snapshot.files:
        if _sha256(home.lake / pinned.path) != pinned.sha256:
            raise VerificationFailed(
                f"snapshot {snapshot.id}: lake/{pinned.path} was changed since it was pinned; "
                "restore it from the site's backup"
            )
    return snapshot


def connect(home: Home, snapshot: Snapshot) -> duckdb.DuckDBPyConnection:
    """A locked, read-only connection to the snapshot's files, its views restricted to the cohort.

    Tables of series keep the cohort's series, the others the cohort's persons; `cohort_person` gives
    (person_id, index_date) and `cohort_series` (person_id, SeriesInstanceUID). Operations' tables are absent.

    Raises
    ------
    LakeError
        A pinned file is gone.
    """
    _check_present(home, snapshot)
    folder = home.snapshots / snapshot.id
    files: dict[str, list[Path]] = {
        table.name: [folder / f"{table.name}.parquet"] for table in (COHORT_PERSON, COHORT_SERIES)
    }
    for pinned in snapshot.files:
        files.setdefault(pinned.table, []).append(home.lake / pinned.path)
    return connect_files(
        files,
        memory=home.settings.query_memory,
        tables=SNAPSHOT_TABLES,
        conditions={name: _restriction(table) for name, table in SNAPSHOT_TABLES.items() if name in TABLES},
    )


def _check_present(home: Home, snapshot: Snapshot) -> None:
    missing = sum(not (home.lake / pinned.path).is_file() for pinned in snapshot.files)
    if missing:
        raise LakeError(
            f"snapshot {snapshot.id}: {missing} of its files are gone from the lake; freeze the cohort again"
        )


def _restriction(table: Table) -> str:
    columns = {column.name: column for column in table.columns}
    of_person = "person_id IN (SELECT person_id FROM cohort_person)"
    if table.name == "study":
        return (
            'person_id IN (SELECT person_id FROM cohort_series) AND "StudyInstanceUID" IN '
            '(SELECT "StudyInstanceUID" FROM image_occurrence)'
        )
    for name in ("SeriesInstanceUID", "source_SeriesInstanceUID"):
        if name in columns:
            in_cohort = f'"{name}" IN (SELECT "SeriesInstanceUID" FROM cohort_series)'
            unknown = "" if columns[name].required else f' OR "{name}" IS NULL'
            return f"{of_person} AND ({in_cohort}{unknown})"
    return of_person


def _write_members(path: Path, table: Table, rows: pa.Table) -> str:
    schema = pa.schema([column.arrow for column in table.columns])
    pq.write_table(rows.cast(schema), path, compression="zstd", compression_level=1)
    return _sha256(path)


def _pin(home: Home, path: Path) -> PinnedFile:
    return PinnedFile(
        path=path.relative_to(home.lake).as_posix(),
        sha256=_sha256(path),
        rows=pq.read_metadata(path).num_rows,
    )


def _publish(home: Home, part: Path, content: dict[str, Any]) -> Snapshot:
    sha256 = hashlib.sha256(canonical(content)).hexdigest()
    place = home.snapshots / f"{content['cohort']}-{sha256[:12]}"
    if not place.exists():
        created_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        (part / DOCUMENT).write_bytes(canonical({**content, "sha256": sha256, "created_at": created_at}))
        for file in part.iterdir():
            file.chmod(0o400)
            sync(file)
        sync(part)
        part.rename(place)
        sync(home.snapshots)
    return _read(place / DOCUMENT)


def _read(path: Path) -> Snapshot:
    content = json.loads(path.read_bytes())
    sha256, created_at = content.pop("sha256"), content.pop("created_at")
    if hashlib.sha256(canonical(content)).hexdigest() != sha256:
        raise VerificationFailed(f"snapshot {path.parent.name}: {DOCUMENT} was changed since it was written")
    for table, written in content["members"].items():
        if _sha256(path.with_name(f"{table}.parquet")) != written:
            raise VerificationFailed(
                f"snapshot {path.parent.name}: {table}.parquet was changed since it was written"
            )
    return Snapshot(
        id=path.parent.name,
        cohort=content["cohort"],
        sha256=sha256,
        persons=content["persons"],
        series=content["series"],
        files=tuple(PinnedFile(**pinned) for pinned in content["files"]),
        sql=content["sql"],
        created_at=created_at,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
