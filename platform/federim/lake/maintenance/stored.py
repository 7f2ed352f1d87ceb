"""Hold the store of objects against the rows that speak of them."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake.maintenance.problems import Problem, counted
from federim.lake.maintenance.watch import Watch
from federim.lake.store import Listed, is_name, name_of, sha256_of
from federim.lake.stores import object_store

_DIGITS: Final = (
    16  # of a sha256, as one number: of 35 G objects one in 10^8 homes would be taken for another
)


@dataclass(frozen=True, slots=True)
class Held:
    """What the rows say of the store, and whether it is so.

    Attributes
    ----------
    rows, bytes : int
        Instances, and the sum of their sizes.
    misnamed, missing, other_size : int
        Rows whose path is not that of their hash, whose object is not there, or has another length.
    hashed, changed : int
        Objects of the sample, and those of them whose bytes are not what was stored.
    orphans, orphan_bytes : int
        Objects that neither a row nor a file that a snapshot pins speaks of: those of a run that writes, what
        killed runs left, and what was replaced since. `lake vacuum` removes them once they are old.
    """

    rows: int
    bytes: int
    misnamed: int
    missing: int
    other_size: int
    hashed: int
    changed: int
    orphans: int
    orphan_bytes: int

    def problems(self) -> Iterator[Problem]:
        where = "instance_file"
        yield from counted(
            where, self.misnamed, "rows name another place than their hash", "ab/cd/<sha256>.dcm"
        )
        yield from counted(where, self.missing, "rows speak of an object that is not there", "one each")
        yield from counted(
            where, self.other_size, "objects have another length than their row says", "the same"
        )
        yield from counted(
            where,
            self.changed,
            f"of {self.hashed:,} objects hashed are not what was stored",
            "each to have the sha256 in its name",
        )


def held(
    home: Home,
    live: Iterable[Path],
    pinned: Iterable[Path],
    *,
    sample: int,
    still_live: Callable[[], Iterable[Path]],
    watch: Watch,
) -> Held:
    """Hold rows and stored objects against each other, and hash `sample` of these, drawn anew each time.

    The store is listed once: to ask it for each object by name would take a bucket a request a row.

    Parameters
    ----------
    live, pinned
        Files of `instance_file`; of an object that only the pinned ones speak of, its being there is known.
    still_live
        Gives its live files as they are by now: an object gone since then is no loss.
    """
    watch.stage("rows of objects")
    rows = _of_rows(live, sample, watch)
    names, which = np.unique(rows.numbers, return_inverse=True)
    known = np.union1d(names, spoken_of(pinned))
    sizes = np.full(len(names), -1, np.int64)
    orphans = orphan_bytes = 0
    watch.stage("objects")
    for some in object_store(home).listed():
        numbers = _numbers(some)
        there, places = _found(numbers, names)
        lengths = np.fromiter((file.size for file in some), np.int64, len(some))
        sizes[places[there]] = lengths[there]
        unknown = ~_found(numbers, known)[0]
        orphans += int(unknown.sum())
        orphan_bytes += int(lengths[unknown].sum())
        watch.advance()
    lost = np.unique(rows.numbers[sizes[which] < 0])
    other = np.unique(rows.numbers[(sizes[which] >= 0) & (sizes[which] != rows.sizes)])
    if len(lost) or len(other):
        now = spoken_of(still_live())
        lost, other = np.intersect1d(lost, now), np.intersect1d(other, now)
    changed = 0
    watch.stage("hashing objects", len(rows.drawn))
    for digest in rows.drawn:
        changed += object_store(home).sha256(name_of(digest)) not in (digest, None)
        watch.advance()
    return Held(
        rows=len(rows.numbers) + rows.misnamed,
        bytes=rows.bytes,
        misnamed=rows.misnamed,
        missing=len(lost),
        other_size=len(other),
        hashed=len(rows.drawn),
        changed=changed,
        orphans=orphans,
        orphan_bytes=orphan_bytes,
    )


def spoken_of(files: Iterable[Path]) -> Any:
    """The objects that these files of `instance_file` speak of: an ascending array of their numbers."""
    parts = []
    for part in _rows(files, ["path"]):
        numbers = (_number(path.rpartition("/")[2]) for path in part["path"])
        parts.append(np.fromiter((number for number in numbers if number is not None), np.uint64))
    return np.unique(np.concatenate(parts)) if parts else np.array([], np.uint64)


def orphans(home: Home, needed: Any) -> Iterator[Listed]:
    """Stored objects that none of those `needed` (see `spoken_of`) is."""
    for some in object_store(home).listed():
        there, _ = _found(_numbers(some), needed)
        for file, known in zip(some, there, strict=True):
            if not known:
                yield file


@dataclass(frozen=True, slots=True)
class _OfRows:
    """Rows that name an object by its hash: its number and size, each; and a few of the hashes."""

    numbers: Any
    sizes: Any
    bytes: int
    misnamed: int
    drawn: list[str]


def _of_rows(files: Iterable[Path], sample: int, watch: Watch) -> _OfRows:
    numbers, sizes = [np.array([], np.uint64)], [np.array([], np.int64)]
    size = misnamed = 0
    drawn: list[tuple[float, str]] = []
    for part in _rows(files, ["path", "sha256", "size"]):
        well = [
            (digest, length)
            for path, digest, length in zip(part["path"], part["sha256"], part["size"], strict=True)
            if path == name_of(digest) and is_name(path)
        ]
        draw = [(random.random(), digest) for digest, _ in well]  # noqa: S311 — no secret
        drawn = heapq.nsmallest(sample, (*drawn, *draw))
        numbers.append(np.fromiter((int(digest[:_DIGITS], 16) for digest, _ in well), np.uint64, len(well)))
        sizes.append(np.fromiter((length for _, length in well), np.int64, len(well)))
        misnamed += len(part["path"]) - len(well)
        size += sum(part["size"])
        watch.advance()
    return _OfRows(
        np.concatenate(numbers), np.concatenate(sizes), size, misnamed, [digest for _, digest in drawn]
    )


def _numbers(files: Sequence[Listed]) -> Any:
    return np.fromiter((int(sha256_of(file.name)[:_DIGITS], 16) for file in files), np.uint64, len(files))


def _found(numbers: Any, among: Any) -> tuple[Any, Any]:
    """Which of the numbers are in an ascending array, and the place of each in it."""
    places = np.searchsorted(among, numbers)
    there = np.zeros(len(numbers), bool)
    inside = places < len(among)
    there[inside] = among[places[inside]] == numbers[inside]
    return there, places


def _rows(files: Iterable[Path], columns: list[str]) -> Iterator[dict[str, list[Any]]]:
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=columns).to_pydict()


def _number(digest: str) -> int | None:
    """What stands for a sha256; None of what is none."""
    try:
        return int(digest[:_DIGITS], 16)
    except ValueError:
        return None
