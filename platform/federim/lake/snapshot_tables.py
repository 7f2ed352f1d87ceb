"""What a snapshot shows: its members, and of the lake's tables the rows that are theirs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import pyarrow as pa

from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.declared.persons import PERSON
from federim.lake.schema import TABLES
from federim.model.identifiers import Pseudonym

COHORT_PERSON: Final = Table(
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
COHORT_SERIES: Final = Table(
    name="cohort_series",
    grain="one row a series of the cohort",
    description="Series that meet the cohort definition",
    key=("SeriesInstanceUID",),
    sort=("person_id", "SeriesInstanceUID"),
    columns=(PERSON.column("person_id"), IMAGE_OCCURRENCE.column("SeriesInstanceUID")),
)
MEMBERS: Final = (COHORT_PERSON, COHORT_SERIES)
SNAPSHOT_TABLES: Final[dict[str, Table]] = {
    "cohort_person": COHORT_PERSON,
    "cohort_series": COHORT_SERIES,
    "image_occurrence": IMAGE_OCCURRENCE,  # before `study`, whose condition reads it
    **{name: table for name, table in TABLES.items() if table.person},
}


def restrictions(without: Collection[Pseudonym] = ()) -> dict[str, str]:
    """What rows must meet to be shown: SQL by table, over `SNAPSHOT_TABLES`; nobody of `without` is."""
    shown = {name: _restriction(table) for name, table in SNAPSHOT_TABLES.items() if name in TABLES}
    if without:
        hidden = ", ".join(f"'{person}'" for person in sorted(without))
        shown |= {table.name: f"person_id NOT IN ({hidden})" for table in MEMBERS}
    return shown


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
