"""Query a hospital of five million images and twenty million results, in turn with the same SQL on bare Parquet."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from national_rows import NATIONAL, Rows, Size

from federim.database import migrate
from federim.home import Home, Role
from federim.lake import cohort
from federim.lake.declaration import Table
from federim.lake.definition import parse
from federim.lake.delta import DeltaWriter
from federim.lake.person_rows import Copies
from federim.lake.reader import connect
from federim.lake.schema import TABLES
from federim.lake.staging import Entry, Share
from federim.lake.storage import private_files
from federim.lake.tables import Lake

THREADS: Final = 2
SECONDS: Final = 600
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


@dataclass
class Measured:
    """Milliseconds by what was asked; bytes by table."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    bytes_a_row: dict[str, float] = field(default_factory=dict)

    def median(self, title: str) -> float:
        return statistics.median(self.milliseconds[title])


class NationalBench:
    """One hospital in three sizes, each a lake of its own, and its Parquet files once more by hand."""

    def __init__(self, scratch: Path, size: Size = NATIONAL, rounds: int = 5) -> None:
        self.rounds = rounds
        self._scratch = scratch
        self.homes = {parts: _hospital(scratch / f"over-{parts}", size.over(parts)) for parts in PARTS}
        self._bare = scratch / "bare"
        for name in ("person", "study", "image_occurrence", "measurement", "condition_occurrence"):
            (self._bare / name).mkdir(parents=True)
            for path in Lake(self.homes[1]).files(name):
                shutil.copy(path, self._bare / name / f"{path.parent.name}.parquet")

    def measure(self) -> Measured:
        """Each question in turn, `rounds` times after one that does not count."""
        found = Measured()
        whole = self.homes[1]
        for name in TABLES:
            files = Lake(whole).files(name)
            rows = sum(_rows(path) for path in files)
            if rows:
                found.bytes_a_row[name] = sum(path.stat().st_size for path in files) / rows
        asked: dict[str, Callable[[], Any]] = {}
        compiled = cohort.compile(parse("bench", COHORT))
        for parts, home in self.homes.items():
            ours = _connection(home)
            asked[f"cohort, 1/{parts}"] = lambda ours=ours: _evaluate(ours, compiled)
            asked[f"series counts, 1/{parts}"] = lambda ours=ours: ours.execute(SERIES_COUNTS).fetchall()
        bare = self._bare_connection()
        asked["cohort, bare Parquet"] = lambda: _evaluate(bare, compiled)
        for turn in range(self.rounds + 1):
            for title, ask in asked.items():
                taken = _milliseconds(ask)
                if turn:
                    found.milliseconds.setdefault(title, []).append(taken)
        return found

    def _bare_connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={"threads": THREADS})
        for folder in self._bare.iterdir():
            connection.execute(f"CREATE VIEW {folder.name} AS SELECT * FROM read_parquet('{folder}/*.parquet')")
        return connection


def write_table(home: Home, table: Table, rows: pa.Table) -> None:
    """One table in its declared layout, one file a bucket, without the index, which queries do not read."""
    DeltaWriter(home.lake / table.name, table, Copies()).write(Share(rows, Entry.APPEND), 1)


def _hospital(root: Path, size: Size) -> Home:
    home = Home.create(root, role=Role.SITE, name="bench")
    migrate(home)
    rows = Rows(size, home.secret("bucket"))
    with private_files():
        for name, draw in rows.tables().items():
            write_table(home, TABLES[name], draw())
    return home


def _connection(home: Home) -> duckdb.DuckDBPyConnection:
    lake = Lake(home)
    return connect({name: lake.files(name) for name in TABLES}, memory="4GB", threads=THREADS)


def _evaluate(connection: duckdb.DuckDBPyConnection, compiled: Any) -> Mapping[str, int]:
    members = cohort.evaluate(connection, compiled, seconds=SECONDS)
    return {"persons": members.persons.num_rows, "series": members.series.num_rows}


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def _milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1_000
