"""Count what a lake holds: rows, files and bytes a table; series, studies and persons by a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import duckdb

from federim.home import Home, Role
from federim.lake.declared.imaging import INSTANCE, INSTANCE_FILE
from federim.lake.locks import copying
from federim.lake.maintenance.view import TableView, view
from federim.lake.reader import connect, query
from federim.lake.schema import TABLES

OTHER: Final = "other"
UNKNOWN: Final = "unknown"
_SECONDS: Final = 3_600


@dataclass(frozen=True, slots=True)
class Size:
    """A table's rows, files, and their bytes."""

    rows: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A word, and how many rows have it; never of fewer persons than the home's `small_cell`."""

    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a lake holds.

    Attributes
    ----------
    persons : int, optional
        None where they are fewer than the home's `small_cell`; nothing is then told by cell either.
    objects, object_bytes : int
        Stored instances that rows speak of.
    bytes_an_instance : float, optional
        What the tables `instance` and `instance_file` take on the disk for each instance.
    series_by_modality, studies_by_year, persons_by_site
        Words with few persons are told together, as "other".
    """

    site: str
    persons: int | None
    small_cell: int
    tables: dict[str, Size]
    objects: int
    object_bytes: int
    bytes_an_instance: float | None
    series_by_modality: tuple[Cell, ...]
    studies_by_year: tuple[Cell, ...]
    persons_by_site: tuple[Cell, ...]

    def as_json(self) -> dict[str, Any]:
        document = asdict(self)
        for name in ("series_by_modality", "studies_by_year", "persons_by_site"):
            document[name] = {cell.label: cell.count for cell in getattr(self, name)}
        return document


def statistics(home: Home) -> Statistics:
    """Read the live tables as they are after the last whole batch.

    Raises
    ------
    QueryRefused
        A count took longer than an hour.
    """
    home.require(Role.SITE)
    with copying(home):
        seen = view(home).tables
        files = {name: list(seen[name].files) if name in seen else [] for name in TABLES}
        with connect(files, memory=home.settings.query_memory) as connection:
            return _read(home, connection, {name: _size(each) for name, each in seen.items()})


def _read(home: Home, connection: duckdb.DuckDBPyConnection, tables: dict[str, Size]) -> Statistics:
    small = home.settings.small_cell
    (persons,) = _rows(connection, "SELECT count(*) AS n FROM person")
    (objects,) = _rows(
        connection, "SELECT count(DISTINCT path) AS n, coalesce(sum(size), 0) AS bytes FROM instance_file"
    )
    of_instances = [tables[table.name] for table in (INSTANCE, INSTANCE_FILE) if table.name in tables]
    instances = max((size.rows for size in of_instances), default=0)

    def cells(table: str, word: str) -> list[Cell]:
        return _cells(connection, table, f"coalesce(CAST({word} AS VARCHAR), '{UNKNOWN}')", small)

    return Statistics(
        site=home.name,
        persons=persons["n"] if persons["n"] >= small else None,
        small_cell=small,
        tables=tables,
        objects=objects["n"],
        object_bytes=objects["bytes"],
        bytes_an_instance=sum(size.bytes for size in of_instances) / instances if instances else None,
        series_by_modality=tuple(_largest_first(cells("image_occurrence", '"Modality"'))),
        studies_by_year=tuple(_in_time(cells("study", 'year("StudyDate")'))),
        persons_by_site=tuple(_largest_first(cells("person", "site"))),
    )


def _cells(connection: duckdb.DuckDBPyConnection, table: str, word: str, small: int) -> list[Cell]:
    """Rows by word; those of few persons together, so that no subtraction gives one of them away."""
    told = _rows(
        connection,
        f"SELECT {word} AS label, count(*) AS n, count(DISTINCT person_id) AS persons "
        f'FROM "{table}" GROUP BY ALL ORDER BY persons, label',
    )
    few = sum(row["persons"] < small for row in told)
    # What is told together must not be of few persons either: the next smallest joins until it is not.
    while few and few < len(told) and _persons(connection, table, word, told[:few]) < small:
        few += 1
    together = Cell(OTHER, sum(row["n"] for row in told[:few]))
    if few and _persons(connection, table, word, told[:few]) < small:
        return []
    return [*(Cell(row["label"], row["n"]) for row in told[few:]), *([together] if few else [])]


def _persons(
    connection: duckdb.DuckDBPyConnection, table: str, word: str, told: Sequence[dict[str, Any]]
) -> int:
    (row,) = query(
        connection,
        f'SELECT count(DISTINCT person_id) AS n FROM "{table}" WHERE {word} IN (SELECT unnest($labels))',
        seconds=_SECONDS,
        parameters={"labels": [row["label"] for row in told]},
    ).to_pylist()
    return int(row["n"])


def _largest_first(cells: list[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: (cell.label == OTHER, -cell.count, cell.label))


def _in_time(cells: list[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: (not cell.label.isdigit(), cell.label))


def _size(seen: TableView) -> Size:
    return Size(
        rows=sum(rows or 0 for rows in seen.files.values()),
        files=len(seen.files),
        bytes=sum(path.stat().st_size for path in seen.files),
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = query(connection, sql, seconds=_SECONDS).to_pylist()
    return rows
