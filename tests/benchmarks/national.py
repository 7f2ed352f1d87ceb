"""Query five million images and twenty million results, in turn with the same SQL on bare Parquet."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from national_rows import NATIONAL, Rows, Size

from federim.database import migrate
from federim.home import Home, Role
from federim.lake import cohort
from federim.lake.declaration import Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.definition import parse
from federim.lake.delta import DeltaWriter
from federim.lake.person_rows import Copies
from federim.lake.prepare import bucket_of
from federim.lake.reader import connect, query
from federim.lake.schema import TABLES
from federim.lake.staging import Entry, Share
from federim.lake.storage import private_files
from federim.lake.tables import Lake

THREADS: Final = 2
SECONDS: Final = 600
MEMORY: Final = "4GB"
GOALS: Final = {"cohort": 150.0, "record": 10.0, "counts": 250.0}  # milliseconds, of the whole hospital
MANY: Final = 200  # as many series as one region has in a year: 20 million
PARTS: Final = (16, 4, 1)  # of the whole hospital, so that each is four times the one before

COHORT: Final = """
index = "first series"

[[series]]
Modality = "CT"
SliceThickness = { at_most = 2.0 }

[[measurement]]
code = "1988-5"
value = { above = 30 }
unit = "mg/L"

[[condition]]
code_starts_with = "C3"
"""

SERIES_COUNTS: Final = """
    SELECT "Modality", "Manufacturer", count(*) AS series, sum("NumberOfInstances") AS instances
    FROM image_occurrence GROUP BY ALL ORDER BY ALL
"""

RECORD: Final = """
    SELECT measurement_date, measurement_source_value, value_as_number, unit
    FROM measurement WHERE person_id = $person ORDER BY ALL
"""


@dataclass
class Measured:
    """Milliseconds by what was asked, a value a round; bytes a row by table; how many the cohort found."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    bytes_a_row: dict[str, float] = field(default_factory=dict)
    persons: int = 0

    kinds: dict[str, str] = field(default_factory=dict)  # what was asked to its kind, of `GOALS`
    sizes: dict[int, str] = field(default_factory=dict)  # results in the lake to what was asked of it

    def median(self, title: str) -> float:
        """Milliseconds of what was asked."""
        return statistics.median(self.milliseconds[title])

    def slopes(self) -> dict[int, float]:
        """Milliseconds of the cohort by how many results the lake had."""
        return {rows: self.median(title) for rows, title in self.sizes.items()}


class NationalBench:
    """One hospital in three sizes, each a lake of its own, and its Parquet files once more by hand."""

    def __init__(self, scratch: Path, size: Size = NATIONAL, rounds: int = 5) -> None:
        self.rounds = rounds
        self._size = size
        self.homes = {parts: _hospital(scratch / f"over-{parts}", size.over(parts)) for parts in PARTS}
        self._many = _series_alone(scratch / "many", size.over(1).series * MANY)
        self._bare = scratch / "bare"
        for name in ("person", "study", "image_occurrence", "measurement", "condition_occurrence"):
            (self._bare / name).mkdir(parents=True)
            for path in Lake(self.homes[1]).files(name):
                shutil.copy(path, self._bare / name / f"{path.parent.name}.parquet")

    def measure(self) -> Measured:
        """Each question in turn, `rounds` times after one that does not count.

        Raises
        ------
        ValueError
            The cohort is empty: its time would say nothing.
        """
        found = Measured(bytes_a_row=self.bytes_a_row())
        compiled = cohort.compile(parse("bench", COHORT))
        with ExitStack() as open_:
            asked: dict[str, Callable[[], object]] = {}
            for parts, home in self.homes.items():
                ours = open_.enter_context(_connection(home))
                rows = self._size.over(parts).measurements
                found.sizes[rows] = f"cohort, {rows:,} results"
                asked[found.sizes[rows]] = _asking(ours, compiled.sql, compiled.parameters)
            bare = open_.enter_context(self._bare_connection())
            asked["the same SQL, bare Parquet"] = _asking(bare, compiled.sql, compiled.parameters)
            asked["cohort with its series"] = lambda: cohort.evaluate(ours, compiled, seconds=SECONDS)
            person, theirs = self._one_person()
            record = open_.enter_context(_connection(self.homes[1], theirs))
            asked["one person's results"] = _asking(record, RECORD, {"person": person})
            many = open_.enter_context(_connection(self._many))
            many_series = f"counts over {self._size.series * MANY:,} series"
            asked[many_series] = _asking(many, SERIES_COUNTS)
            found.persons = cohort.evaluate(ours, compiled, seconds=SECONDS).persons.num_rows
            found.kinds = dict.fromkeys(asked, "") | {
                found.sizes[self._size.measurements]: "cohort",
                "one person's results": "record",
                many_series: "counts",
            }
            if not found.persons:
                raise ValueError(
                    "the cohort that is timed is empty; its criteria meet none of the rows drawn"
                )
            for turn in range(self.rounds + 1):
                for title, ask in asked.items():
                    taken = _milliseconds(ask)
                    if turn:
                        found.milliseconds.setdefault(title, []).append(taken)
        return found

    def bytes_a_row(self) -> dict[str, float]:
        """Bytes on disk a row of each table that has rows."""
        found = {}
        for name in TABLES:
            files = Lake(self.homes[1]).files(name)
            if files:
                rows = sum(pq.read_metadata(path).num_rows for path in files)
                found[name] = sum(path.stat().st_size for path in files) / rows
        return found

    def _one_person(self) -> tuple[str, str]:
        """Somebody with results, and the folder of their bucket."""
        home = self.homes[1]
        person = pq.read_table(Lake(home).files("person")[0], partitioning=None)["person_id"][0].as_py()
        return person, f"bucket={bucket_of(person, home.secret('bucket'))}"

    def _bare_connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={"threads": THREADS})
        for folder in self._bare.iterdir():
            files = f"read_parquet('{folder}/*.parquet')"
            connection.execute(f"CREATE VIEW {folder.name} AS SELECT * FROM {files}")
        return connection


def _hospital(root: Path, size: Size) -> Home:
    home = _home(root)
    for name, draw in Rows(size, home.secret("bucket")).tables().items():
        _write(home, TABLES[name], draw())
    return home


def _series_alone(root: Path, count: int) -> Home:
    """A home with `count` series and nothing else."""
    home = _home(root)
    rows = Rows(Size(NATIONAL.persons, count, 0, 0, 0), home.secret("bucket"))
    _write(home, IMAGE_OCCURRENCE, rows.image_occurrence())
    return home


def _home(root: Path) -> Home:
    home = Home.create(root, role=Role.SITE, name="bench")
    migrate(home)
    return home


def _write(home: Home, table: Table, rows: pa.Table) -> None:
    """A table in its declared layout, one file a bucket; without the index, which queries do not read."""
    with private_files():
        DeltaWriter(home.lake / table.name, table, Copies()).write(Share(rows, Entry.APPEND), 1)


def _connection(home: Home, folder: str | None = None) -> duckdb.DuckDBPyConnection:
    """All live files, or those of one bucket."""
    lake = Lake(home)
    files = {name: lake.files(name) for name in TABLES}
    if folder is not None:
        files = {name: [one for one in paths if one.parent.name == folder] for name, paths in files.items()}
    return connect(files, memory=MEMORY, threads=THREADS)


def _asking(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None
) -> Callable[[], pa.Table]:
    return lambda: query(connection, sql, seconds=SECONDS, parameters=parameters)


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1_000
