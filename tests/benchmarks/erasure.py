"""Erase one person from a lake of 5 million results, in turn with what delta-rs alone takes to delete."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from federim.database import migrate
from federim.home import Home, Role
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.prepare import placed, row_digest
from federim.lake.rewriting import Change, rewrite
from federim.lake.staging import Batch, Entry, Share
from federim.lake.tables import Lake, LakeWriter
from federim.model.identifiers import Pseudonym

PERSONS: Final = 20_000
BATCHES: Final = 5


class ErasureBench:
    """A site whose `measurement` has `rows` rows in one file a bucket, and an index of as many."""

    def __init__(self, scratch: Path, rows: int, rounds: int) -> None:
        self.rounds = rounds
        self._root = scratch / "home"
        self._theirs = scratch / "delta"
        self._draw = np.random.default_rng(7)
        self._persons = [hashlib.md5(str(number).encode()).hexdigest() for number in range(PERSONS)]
        home = Home.create(self._root, role=Role.SITE, name="bench")
        migrate(home)
        with Lake(home).writing() as writer:
            for _ in range(BATCHES):
                writer.take(self._batch(writer, home.secret("bucket"), rows // BATCHES))
            writer.tidy(1)
        shutil.copytree(home.lake / MEASUREMENT.name, self._theirs)

    def measure(self) -> tuple[list[float], list[float]]:
        """Seconds to erase one person, ours and delta-rs', which has no index, log or snapshot to clean."""
        taken: tuple[list[float], list[float]] = ([], [])
        for turn, person in enumerate(self._persons[: self.rounds + 1]):
            for act, found in zip((self._erase, self._delete), taken, strict=True):
                seconds = _seconds(lambda act=act, person=person: act(person))
                if turn:
                    found.append(seconds)
        return taken

    def _erase(self, person: str) -> None:
        home = Home.open(self._root)
        with Lake(home).writing() as writer:
            assert rewrite(home, writer, Change(person_id=Pseudonym(person), into=None)).rows_left == 0

    def _delete(self, person: str) -> None:
        table = DeltaTable(self._theirs)
        table.delete(f"person_id = '{person}'")
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    def _batch(self, writer: LakeWriter, bucket_key: bytes, count: int) -> Batch:
        draw = self._draw
        ids = [draw.bytes(16).hex() for _ in range(count)]
        columns = {
            "person_id": np.array(self._persons)[draw.integers(0, PERSONS, count)],
            "measurement_id": ids,
            "measurement_source_value": np.array([f"{code}-{code % 10}" for code in range(1000, 1200)])[
                draw.integers(0, 200, count)
            ],
            "measurement_date": draw.integers(15_000, 19_000, count).astype("datetime64[D]"),
            "value_as_number": draw.normal(100, 15, count).round(1),
        }
        schema = pa.schema([column.arrow for column in MEASUREMENT.columns])
        rows = pa.table(
            [
                pa.array(columns[field.name], field.type)
                if field.name in columns
                else pa.nulls(count, field.type)
                for field in schema
            ],
            schema=schema,
        )
        return Batch(
            number=writer.next_batch,
            shares={MEASUREMENT.name: Share(placed(MEASUREMENT, rows, bucket_key), Entry.APPEND)},
            records={},
            rows=tuple(row_digest(MEASUREMENT, [id_]) for id_ in ids),
        )


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
