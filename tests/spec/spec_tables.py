"""Read a specification's small tables, and answer a definition over them in DuckDB and in plain Python."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from naive_cohort import Cohort

from federim.lake import cohort
from federim.lake.check import to_arrow
from federim.lake.reader import connect
from federim.lake.schema import TABLES, table
from federim.model.cohort import CohortDefinition
from federim.model.errors import InputError

Row = dict[str, Any]
CT = "1.2.840.10008.5.1.4.1.1.2"


def pseudonym(person: str) -> str:
    return hashlib.md5(person.encode()).hexdigest()


def complete(name: str, number: int, row: Row) -> Row:
    """A row of the lake from the few columns a specification cares for."""
    study = {"StudyInstanceUID": row.get("StudyInstanceUID") or f"2.25.{number}"}
    defaults: dict[str, Row] = {
        "person": {"site": "alpha"},
        "study": study,
        "image_occurrence": {
            **study,
            "SeriesInstanceUID": f"2.25.{number}",
            "Modality": "CT",
            "SOPClassUID": CT,
            "NumberOfInstances": 1,
            "SizeBytes": 1,
        },
        "measurement": {"measurement_id": pseudonym(f"m{number}"), "measurement_source_value": "1988-5"},
        "condition_occurrence": {"condition_occurrence_id": pseudonym(f"c{number}")},
        "procedure_occurrence": {"procedure_occurrence_id": pseudonym(f"a{number}")},
        "drug_exposure": {"drug_exposure_id": pseudonym(f"d{number}")},
        "image_feature": {"image_feature_id": pseudonym(f"f{number}")},
        "segment": {"SOPInstanceUID": f"2.25.{number}", "SegmentNumber": number},
        "volume_geometry": {"SeriesInstanceUID": f"2.25.{number}", "slices": 10, "regular": True},
    }
    return {**defaults[name], **row}


def read(text: str) -> dict[str, list[Row]]:
    """Paragraphs: the table's name, the columns' names, rows; an empty cell is null."""
    tables: dict[str, list[Row]] = {}
    for paragraph in filter(str.strip, text.split("\n\n")):
        name, header, *lines = (line.strip() for line in paragraph.strip().splitlines())
        columns = [cell.strip() for cell in header.split("|")]
        rows = []
        for number, line in enumerate(lines, start=1):
            cells = dict(zip(columns, (cell.strip() for cell in line.split("|")), strict=True))
            values = {key: _value(name, key, cell) for key, cell in cells.items() if cell}
            rows.append(complete(name, number, values))
        tables[name] = rows
    return tables


def _value(name: str, column: str, cell: str) -> Any:
    if column == "person_id":
        return pseudonym(cell)
    if column.endswith("InstanceUID"):
        return f"2.25.{cell[1:]}"
    type_ = table(name).column(column).type
    if pa.types.is_date(type_):
        return date.fromisoformat(cell)
    if pa.types.is_integer(type_):
        return int(cell)
    if pa.types.is_timestamp(type_):
        return datetime.fromisoformat(cell)
    if pa.types.is_boolean(type_):
        return cell == "true"
    if pa.types.is_floating(type_):
        return float(cell)
    return cell


Answer = tuple[dict[str, date | None], set[tuple[str, str]]] | None  # None is a unit refused


def in_duckdb(folder: Path, tables: dict[str, list[Row]], *definitions: CohortDefinition) -> list[Answer]:
    with lake_of(folder, tables) as connection:
        return [_answer(connection, definition) for definition in definitions]


def lake_of(folder: Path, tables: dict[str, list[Row]]) -> duckdb.DuckDBPyConnection:
    """A connection to a lake of these rows."""
    files = {}
    for name, rows in tables.items():
        files[name] = [folder / f"{name}.parquet"]
        pq.write_table(to_arrow(TABLES[name], rows), files[name][0])
    return connect(files, memory="500MB", threads=1)


def _answer(connection: duckdb.DuckDBPyConnection, definition: CohortDefinition) -> Answer:
    try:
        found = cohort.evaluate(connection, cohort.compile(definition), seconds=30)
    except InputError as error:
        assert "the lake keeps" in str(error)
        return None
    persons = {row["person_id"]: row["index_date"] for row in found.persons.to_pylist()}
    pairs = [(row["person_id"], row["SeriesInstanceUID"]) for row in found.series.to_pylist()]
    assert list(persons) == sorted(persons)
    assert pairs == sorted(set(pairs))
    return persons, set(pairs)


def in_python(tables: dict[str, list[Row]], *definitions: CohortDefinition) -> list[Answer]:
    return [
        None if found.refused(definition) else (found.persons, found.series)
        for found, definition in ((Cohort(tables, definition), definition) for definition in definitions)
    ]
