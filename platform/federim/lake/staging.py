"""Keep a whole batch on disk until every table has it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from federim.lake.entered import Entered
from federim.lake.storage import sync

HEADER = "header.json"
RECORDS = "records.arrow"
ROWS = "rows.arrow"
FORGOTTEN = "forgotten.arrow"
DIGEST = pa.binary(16)
GONE = "gone"  # column of rows that replace others: true where there is nothing in their place


class Entry(IntEnum):
    """How rows enter their table."""

    # A batch that an earlier version left in staging says false and true for the first two.
    APPEND = 0  # none of their keys is in it
    FILL = 1  # some are, and what is there is filled
    REPLACE = 2  # some are, and what is there goes; those marked as gone only go
    REWRITE = 3  # whatever the table holds of the persons leaving goes, and these come


@dataclass(frozen=True, slots=True)
class Share:
    """One table's part of a batch: rows sorted by bucket, then as the table sorts its files."""

    rows: pa.Table
    entry: Entry
    leaving: Mapping[str, int] = field(default_factory=dict)  # persons, with their bucket


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a batch takes out for good: nothing is to tell that it was there."""

    records: tuple[bytes, ...]  # keys; those that the batch says anew stay
    objects: tuple[str, ...]  # paths of stored objects
    counts: Mapping[bytes, Any]  # by subject: what the rewriting that the batch begins will tell

    def as_document(self) -> dict[str, Any]:
        return {
            "records": [key.hex() for key in self.records],
            "objects": self.objects,
            "counts": {subject.hex(): counts for subject, counts in self.counts.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """What `as_document` gave."""
        return cls(
            tuple(map(bytes.fromhex, document["records"])),
            tuple(document["objects"]),
            {bytes.fromhex(subject): counts for subject, counts in document["counts"].items()},
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of several tables that enter the lake together, and what the index learns with them."""

    number: int
    shares: Mapping[str, Share]
    records: Mapping[bytes, Entered]
    rows: tuple[bytes, ...]  # digests of row keys that are new
    forgotten: tuple[bytes, ...] = ()  # and of those that are gone
    dropped: tuple[str, ...] = ()  # stored objects, by path, that no row speaks of any more
    erasure: Erasure | None = None


def stage(folder: Path, batch: Batch) -> None:
    """Write the batch to `folder`/<number>: complete once it bears that name, and not before."""
    part = _place(folder, batch.number).with_suffix(".part")
    part.mkdir()
    for name, share in batch.shares.items():
        _write_arrow(part / f"{name}.table.arrow", share.rows)
    entered = batch.records.values()
    records = {
        "key": pa.array(batch.records.keys(), DIGEST),
        "content": pa.array((record.content for record in entered), DIGEST),
        "version": pa.array((record.version for record in entered), pa.int64()),
        "places": pa.array((record.places_as_text() for record in entered), pa.string()),
        "subject": pa.array((record.subject for record in entered), DIGEST),
    }
    _write_arrow(part / RECORDS, pa.table(records))
    _write_arrow(part / ROWS, pa.table({"key": pa.array(batch.rows, DIGEST)}))
    _write_arrow(part / FORGOTTEN, pa.table({"key": pa.array(batch.forgotten, DIGEST)}))
    header = {
        "number": batch.number,
        "tables": {name: share.entry for name, share in batch.shares.items()},
        "leaving": {name: share.leaving for name, share in batch.shares.items() if share.leaving},
        "dropped": batch.dropped,
        "erasure": batch.erasure and batch.erasure.as_document(),
    }
    (part / HEADER).write_text(json.dumps(header))
    for file in part.iterdir():
        sync(file)
    sync(part)
    part.rename(_place(folder, batch.number))
    sync(folder)


def waiting(folder: Path) -> Batch | None:
    """The complete batch a killed run left, if any; what it left incomplete is removed."""
    for part in folder.glob("[0-9]*.part"):
        shutil.rmtree(part)
    complete = sorted(folder.glob("[0-9]*"))
    return _read(complete[0]) if complete else None


def drop(folder: Path, number: int) -> None:
    """Forget a batch that every table and the index have."""
    # Renamed first: a removal cut short must not leave a batch that looks complete.
    place = _place(folder, number)
    place.rename(place.with_suffix(".part"))
    shutil.rmtree(place.with_suffix(".part"))


def _read(place: Path) -> Batch:
    header = json.loads((place / HEADER).read_text())
    leaving, erasure = header.get("leaving", {}), header.get("erasure")
    records = _read_arrow(place / RECORDS)
    return Batch(
        number=header["number"],
        shares={
            name: Share(_read_arrow(place / f"{name}.table.arrow"), Entry(entry), leaving.get(name, {}))
            for name, entry in header["tables"].items()
        },
        records={record.pop("key"): Entered.read(**record) for record in records.to_pylist()},
        rows=tuple(_read_arrow(place / ROWS)["key"].to_pylist()),
        forgotten=tuple(_read_arrow(place / FORGOTTEN)["key"].to_pylist()),
        dropped=tuple(header.get("dropped", ())),
        erasure=erasure and Erasure.read(erasure),
    )


def _place(folder: Path, number: int) -> Path:
    return folder / f"{number:012}"


def _write_arrow(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read_arrow(path: Path) -> pa.Table:
    with pa.OSFile(str(path), "rb") as source:
        return pa.ipc.open_file(source).read_all()
