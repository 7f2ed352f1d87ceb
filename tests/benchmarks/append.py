"""Append ten thousand results at a time, one writer alone and four at once, in turn with delta-rs alone."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from federim.database import migrate
from federim.home import Home, Role
from federim.lake.check import to_arrow
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.prepare import placed
from federim.lake.tables import Lake

ROWS: Final = 10_000
PERSONS: Final = 2_000
WRITERS: Final = 4

Row = dict[str, Any]


class AppendBench:
    """A home that grows by `ROWS` results an append, and a Delta table that does."""

    def __init__(self, scratch: Path, appends: int) -> None:
        self._scratch, self._appends = scratch, appends

    def alone(self) -> tuple[list[float], list[float]]:
        """Milliseconds an append of ours, checked, indexed and flushed, and one of delta-rs' by bucket."""
        home = self._home("alone")
        theirs = self._scratch / "delta"
        taken: tuple[list[float], list[float]] = ([], [])
        with Lake(home).writing() as writer:
            for turn in range(self._appends + 1):
                rows = drawn(turn)
                by_bucket = placed(MEASUREMENT, to_arrow(MEASUREMENT, rows), home.secret("bucket"))
                ours = _milliseconds(lambda rows=rows: writer.commit({MEASUREMENT.name: rows}, {}))
                bare = _milliseconds(lambda table=by_bucket: _append(theirs, table))
                if turn:
                    taken[0].append(ours)
                    taken[1].append(bare)
        return taken

    def together(self) -> list[float]:
        """Milliseconds an append of ours, its wait for the others included, with `WRITERS` processes.

        Raises
        ------
        LakeError
            A process was refused: waiting is the lake's work, not its callers'.
        """
        home = self._home("together")
        context = multiprocessing.get_context("spawn")
        with context.Pool(WRITERS) as pool:
            told = [(home.root, number, self._appends) for number in range(WRITERS)]
            return [one for found in pool.starmap(_append_again_and_again, told) for one in found]

    def _home(self, name: str) -> Home:
        root = self._scratch / name
        shutil.rmtree(root, ignore_errors=True)
        home = Home.create(root, role=Role.SITE, name="bench")
        migrate(home)
        return home


def drawn(seed: int) -> list[Row]:
    """`ROWS` results of `PERSONS` persons."""
    draw = np.random.default_rng(seed)
    ids = draw.bytes(16 * ROWS).hex()
    who = draw.integers(0, PERSONS, ROWS).tolist()
    codes = draw.integers(1_000, 1_200, ROWS).tolist()
    days = draw.integers(0, 1_000, ROWS).tolist()
    values = draw.normal(100, 15, ROWS).round(1).tolist()
    first = dt.date(2020, 1, 1)
    return [
        {
            "person_id": f"{who[number]:032x}",
            "measurement_id": ids[32 * number : 32 * number + 32],
            "measurement_source_value": f"{codes[number]}-{codes[number] % 10}",
            "measurement_date": first + dt.timedelta(days=days[number]),
            "value_as_number": values[number],
        }
        for number in range(ROWS)
    ]


def _append_again_and_again(root: Path, number: int, appends: int) -> Sequence[float]:
    home = Home.open(root)
    taken = []
    for turn in range(appends):
        rows = drawn(1_000 * (number + 1) + turn)

        def append(rows: list[Row] = rows) -> None:
            with Lake(home).writing(patience=60) as writer:
                writer.commit({MEASUREMENT.name: rows}, {})

        taken.append(_milliseconds(append))
    return taken


def _append(place: Path, rows: pa.Table) -> None:
    write_deltalake(place, rows, mode="append", partition_by=["bucket"])


def _milliseconds(act: Any) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1_000
