"""A site's lake with a few persons in everything that can hold one, and what it says of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import images, snapshot
from federim.lake.declaration import Kind, Table
from federim.lake.entered import Entered
from federim.lake.images import StoredObject
from federim.lake.rewriting import Change, objects_of
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.identifiers import Pseudonym

Row = dict[str, Any]

COHORT = 'title = "CT"\nindex = "first series"\n\n[[series]]\nModality = "CT"\n'


def digest(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def uid(name: str) -> str:
    return f"2.25.{10**37 + int(digest(name), 16) % 10**37}"


def record_key(person: str, batch: int) -> bytes:
    return hashlib.md5(f"record|{person}|{batch}".encode()).digest()


def rows_of(home: Home, person: str, batch: int) -> dict[str, list[Row]]:
    """What one batch says of a person: a series of one study, its object, a result and a report."""
    told = f"{person}|{batch}"
    of: Row = {"person_id": digest(person)}
    series = {"StudyInstanceUID": uid(f"study|{person}"), "SeriesInstanceUID": uid(f"series|{told}")}
    instance = {**of, "SeriesInstanceUID": series["SeriesInstanceUID"], "SOPInstanceUID": uid(told)}
    stored = images.store(home, f"DICM {digest(person)} {uid(told)}".encode())
    return {
        "person": [{**of, "site": "alpha", "year_of_birth": 1950 if batch else None}],
        "study": [{**of, "StudyInstanceUID": series["StudyInstanceUID"], "StudyDate": date(2021, 3, 1)}],
        "image_occurrence": [
            {
                **of,
                **series,
                "Modality": "CT",
                "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
                "SeriesDate": date(2021, 3, 1 + batch),
                "NumberOfInstances": 1,
                "SizeBytes": stored.size,
            }
        ],
        "instance_file": [
            {**instance, "sha256": stored.sha256, "path": stored.path, "size": stored.size},
        ],
        "measurement": [
            {
                **of,
                "measurement_id": digest(f"measurement|{told}"),
                "measurement_source_value": "1988-5",
                "measurement_date": date(2021, 3, 2),
                "value_as_number": float(batch),
                "report_id": digest(f"report|{person}"),
            }
        ],
        "report": [
            {**of, "report_id": digest(f"report|{person}"), "report_source_value": "18748-4", "version": 1}
        ],
    }


def commit(home: Home, persons: list[str], batch: int) -> dict[str, int]:
    """Have a batch of the persons enter, where it did not: two records each, one that is never replaced."""
    rows: dict[str, list[Row]] = {}
    records: dict[bytes, Entered] = {}
    with Lake(home).writing() as writer:
        for person in persons:
            key, subject = record_key(person, batch), writer.subject(digest(person))
            if writer.known([key]):
                continue
            told = rows_of(home, person, batch)
            flat = [(name, row) for name, found in told.items() for row in found]
            records[key] = Entered(key, 1, writer.places(flat), subject)
            records[key[::-1]] = Entered(key, None, (), subject)
            for name, found in told.items():
                rows.setdefault(name, []).extend(found)
        return writer.commit(rows, records)


def fill(home: Home, persons: list[str]) -> list[str]:
    """Three batches of each person, a snapshot after the first and after the last; returns their ids."""
    (home.cohorts / "ct.toml").write_text(COHORT)
    frozen = []
    for batch in range(3):
        commit(home, persons, batch)
        if batch != 1:
            frozen.append(snapshot.freeze(home, "ct").id)
    return frozen


def traces(person: str, batches: int = 3) -> list[str]:
    """Every string that would tell of the person."""
    found = [digest(person), uid(f"study|{person}"), digest(f"report|{person}")]
    for batch in range(batches):
        told = f"{person}|{batch}"
        found += [uid(f"series|{told}"), uid(told), digest(f"measurement|{told}")]
    return found


def content(home: Home, files: list[Any] | None = None) -> dict[str, list[Row]]:
    """All rows of the live tables, or of some files, by person."""
    found: dict[str, list[Row]] = {}
    for name, table in TABLES.items():
        if table.person:
            paths = Lake(home).files(name) if files is None else [f for f in files if f.parts[-3] == name]
            for path in paths:
                for row in pq.read_table(path, partitioning=None).to_pylist():
                    found.setdefault(row["person_id"], []).append({"": name, **row})
    return {person: sorted(rows, key=str) for person, rows in found.items()}


def pinned(home: Home, wanted: str) -> dict[str, list[Row]]:
    """All rows that a snapshot's files hold, by person; its own members among them."""
    frozen = snapshot.verify(home, snapshot.load(home, wanted))
    found = content(home, [home.lake / file.path for file in frozen.files])
    for name in ("cohort_person", "cohort_series"):
        for row in pq.read_table(home.snapshots / frozen.id / f"{name}.parquet").to_pylist():
            found.setdefault(row["person_id"], []).append({"": name, **row})
    return {person: sorted(rows, key=str) for person, rows in found.items()}


def rekeyed(old: str, new: str) -> Callable[[Table, pa.Table], pa.Table]:
    """Rows of one person as another's: of every kind of column what a real re-keying does to it."""

    def into(table: Table, rows: pa.Table) -> pa.Table:
        made = {}
        for column in table.columns:
            values = rows[column.name].to_pylist()
            made[column.name] = [_rekeyed(column.kind, column.name, value, new) for value in values]
        return pa.table(made, schema=rows.schema)

    return into


def _rekeyed(kind: Kind, name: str, value: Any, new: str) -> Any:
    if value is None or name == "sha256":
        return value
    if kind is Kind.PERSON:
        return digest(new)
    if kind is Kind.UID:
        return uid(f"{new}|{value}") if value.startswith("2.25.") else digest(f"{new}|{value}")
    if kind is Kind.DATE:
        return value + timedelta(days=7)
    return value


def change(home: Home, old: str, new: str | None) -> Change:
    """The person goes, or becomes another one, objects and all."""
    person = Pseudonym(digest(old))
    if new is None:
        return Change(person_id=person, into=None)
    objects: dict[str, StoredObject] = {
        path: images.store(home, f"DICM {digest(new)} of {digest(new + path)}".encode())
        for path in objects_of(home, person)
    }
    return Change(person_id=person, into=rekeyed(old, new), objects=objects)
