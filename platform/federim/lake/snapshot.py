"""Freeze a cohort: who is in it, and the very files it was read from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from federim.audit import trail
from federim.home import Home, Role
from federim.lake import cohort as cohorts
from federim.lake import snapshot_folder, tombstone
from federim.lake.locks import copying
from federim.lake.reader import connect as connect_files
from federim.lake.schema import TABLES
from federim.lake.snapshot_folder import DOCUMENT, PinnedFile
from federim.lake.snapshot_tables import COHORT_PERSON, COHORT_SERIES, MEMBERS, SNAPSHOT_TABLES, restrictions
from federim.lake.tables import Lake
from federim.model.errors import LakeError, UnknownName, VerificationFailed
from federim.model.identifiers import Pseudonym


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
    with copying(home):
        lake = Lake(home)
        live = {table: lake.files(table) for table, declared in TABLES.items() if declared.person}
        # The very files that are pinned are read: a run may be adding others.
        with connect_files(live, memory=home.settings.query_memory) as connection:
            members = cohorts.evaluate(connection, compiled, seconds=home.settings.query_seconds)
        with snapshot_folder.unfinished(home, name) as part:
            content = {
                "cohort": name,
                "definition": definition.as_document(),
                "sql": compiled.sql,
                "series_sql": compiled.series_sql,
                "parameters": compiled.parameters,
                "persons": members.persons.num_rows,
                "series": members.series.num_rows,
                "members": {
                    table.name: snapshot_folder.write_members(part, table, rows)
                    for table, rows in ((COHORT_PERSON, members.persons), (COHORT_SERIES, members.series))
                },
                "files": [
                    asdict(snapshot_folder.pin(home, path)) for paths in live.values() for path in paths
                ],
            }
            frozen = read(snapshot_folder.publish(home, part, content))
    trail.record(
        home, actor, "cohort.freeze", snapshot=frozen.id, persons=frozen.persons, series=frozen.series
    )
    return frozen


def load(home: Home, wanted: str) -> Snapshot:
    """The snapshot of that id, or the only one whose id begins so, or the latest of the cohort called so.

    In the place of one that was revised stands its revision.

    Raises
    ------
    UnknownName
        There is none, or several begin so; the message suggests the nearest.
    LakeError
        It was purged.
    VerificationFailed
        One of the snapshots' own files was changed.
    """
    known = {snapshot.id: snapshot for snapshot in every(home)}
    revised = tombstone.every(home)
    if wanted in known.keys() | revised.keys():
        heir = tombstone.heir(revised, wanted)
        if heir in known:
            return known[heir]
        if not heir:
            raise LakeError(
                f"snapshot {wanted} was purged, and nothing stands for it; freeze the cohort again"
            )
    of_cohort = [snapshot for snapshot in known.values() if snapshot.cohort == wanted]
    if of_cohort:
        return max(of_cohort, key=lambda snapshot: snapshot.created_at)
    beginning = {tombstone.heir(revised, id_) for id_ in (*known, *revised) if id_.startswith(wanted)}
    if len(beginning) == 1 and beginning <= known.keys():
        return known[beginning.pop()]
    raise UnknownName("snapshot", wanted, {*known, *(snapshot.cohort for snapshot in known.values())})


def every(home: Home) -> list[Snapshot]:
    """Every snapshot of the home, by id; not those that were revised."""
    documents = sorted(home.snapshots.glob(f"*/{DOCUMENT}"))
    return [read(path.parent) for path in documents if not path.with_name(tombstone.TOMBSTONE).exists()]


def answers_to(home: Home, snapshot: Snapshot, sha256: str) -> bool:
    """Whether a snapshot is the one of that hash, or stands in its place since persons were taken out.

    Raises
    ------
    VerificationFailed
        A tombstone is not what this site signed.
    """
    revised = tombstone.every(home)
    ids = [one.snapshot for one in revised.values() if one.sha256 == sha256]
    return snapshot.sha256 == sha256 or snapshot.id in {tombstone.heir(revised, id_) for id_ in ids}


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
        if snapshot_folder.file_sha256(home.lake / pinned.path) != pinned.sha256:
            raise VerificationFailed(
                f"snapshot {snapshot.id}: lake/{pinned.path} was changed since it was pinned; "
                "restore it from the site's backup"
            )
    return snapshot


def connect(
    home: Home, snapshot: Snapshot, *, without: Collection[Pseudonym] = (), seconds: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A locked, read-only connection to the snapshot's files, its views restricted to the cohort.

    Tables of series keep the cohort's series, the others the cohort's persons; `cohort_person` gives
    (person_id, index_date) and `cohort_series` (person_id, SeriesInstanceUID). Operations' tables are absent.

    Parameters
    ----------
    without : person_ids
        Persons of the cohort who are not shown, in any view.
    seconds
        As for `reader.connect`: what a researcher holds is limited, what a workspace is built with is not.

    Raises
    ------
    LakeError
        A pinned file is gone.
    """
    _check_present(home, snapshot)
    folder = home.snapshots / snapshot.id
    files: dict[str, list[Path]] = {table.name: [folder / f"{table.name}.parquet"] for table in MEMBERS}
    for pinned in snapshot.files:
        files.setdefault(pinned.table, []).append(home.lake / pinned.path)
    return connect_files(
        files,
        memory=home.settings.query_memory,
        seconds=seconds,
        tables=SNAPSHOT_TABLES,
        conditions=restrictions(without),
    )


def read(folder: Path) -> Snapshot:
    """The snapshot in a folder.

    Raises
    ------
    VerificationFailed
        One of its own files was changed.
    """
    content, sha256, created_at = snapshot_folder.read(folder)
    return Snapshot(
        id=folder.name,
        cohort=content["cohort"],
        sha256=sha256,
        persons=content["persons"],
        series=content["series"],
        files=tuple(PinnedFile(**pinned) for pinned in content["files"]),
        sql=content["sql"],
        created_at=created_at,
    )


def _check_present(home: Home, snapshot: Snapshot) -> None:
    missing = sum(not (home.lake / pinned.path).is_file() for pinned in snapshot.files)
    if missing:
        raise LakeError(
            f"snapshot {snapshot.id}: {missing} of its files are gone from the lake; freeze the cohort again"
        )
