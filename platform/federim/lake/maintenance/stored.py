"""Hold the store of objects against the rows that speak of them."""

from __future__ import annotations

import hashlib
import heapq
import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake.maintenance.problems import Problem, counted
from federim.lake.maintenance.watch import Watch

_DIGITS: Final = (
    16  # of a sha256, as one number: of 35 G objects one in 10^8 homes would be taken for another
)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the store; `digest` is the number that stands for its name, None where it is no object's."""

    path: Path
    digest: int | None
    size: int
    modified: float


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
    """

    rows: int
    bytes: int
    misnamed: int
    missing: int
    other_size: int
    hashed: int
    changed: int

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
    files: Iterable[Path],
    *,
    sample: int,
    still_live: Callable[[], Iterable[Path]],
    watch: Watch,
) -> Held:
    """Look for every row's object, and hash `sample` of them, drawn anew each time.

    Parameters
    ----------
    files
        Of `instance_file`.
    still_live
        Gives its files as they are by now: an object gone since then is no loss.
    """
    rows = size = misnamed = 0
    drawn: list[tuple[float, str]] = []
    watch.stage("looking for objects")
    missing, other_size = set(), set()
    store = os.fspath(home.objects)
    for part in _rows(files, ["path", "sha256", "size"]):
        draw = [(random.random(), digest) for digest in part["sha256"]]  # noqa: S311 — no secret
        drawn = heapq.nsmallest(sample, (*drawn, *draw))
        for path, digest, length in zip(part["path"], part["sha256"], part["size"], strict=True):
            watch.advance()
            rows += 1
            size += length
            if path != _path(digest):
                misnamed += 1
                continue
            try:
                # A Path a row would take as long again.
                if os.stat(f"{store}/{path}").st_size != length:  # noqa: PTH116
                    other_size.add(path)
            except FileNotFoundError:
                missing.add(path)
    changed = 0
    watch.stage("hashing objects", len(drawn))
    for _, digest in drawn:
        watch.advance()
        try:
            with (home.objects / _path(digest)).open("rb") as file:
                changed += hashlib.file_digest(file, "sha256").hexdigest() != digest
        except FileNotFoundError:
            continue
    if missing or other_size:
        now = {path for part in _rows(still_live(), ["path"]) for path in part["path"]}
        missing &= now
        other_size &= now
    return Held(rows, size, misnamed, len(missing), len(other_size), len(drawn), changed)


def spoken_of(files: Iterable[Path]) -> Any:
    """The objects that these files of `instance_file` speak of: an ascending array of their numbers."""
    parts = []
    for part in _rows(files, ["path"]):
        numbers = (_number(path.rpartition("/")[2]) for path in part["path"])
        parts.append(np.fromiter((number for number in numbers if number is not None), np.uint64))
    return np.unique(np.concatenate(parts)) if parts else np.array([], np.uint64)


def orphans(home: Home, needed: Any) -> Iterator[StoredFile]:
    """Files of the store that none of the objects `needed` (see `spoken_of`) is."""
    for some in _shards(home.objects):
        numbers = np.array([file.digest or 0 for file in some], np.uint64)
        places = np.searchsorted(needed, numbers)
        found = np.zeros(len(some), bool)
        inside = places < len(needed)
        found[inside] = needed[places[inside]] == numbers[inside]
        for file, there in zip(some, found, strict=True):
            if file.digest is not None and not there:
                yield file


def _shards(objects: Path) -> Iterator[list[StoredFile]]:
    """The objects of each folder ab/cd in turn."""
    for upper in sorted(objects.glob("[0-9a-f][0-9a-f]")):
        for lower in sorted(upper.glob("[0-9a-f][0-9a-f]")):
            with os.scandir(lower) as entries:
                some = [
                    StoredFile(Path(entry.path), _number(entry.name), told.st_size, told.st_mtime)
                    for entry in entries
                    if entry.is_file(follow_symlinks=False)
                    for told in [entry.stat(follow_symlinks=False)]
                ]
            if some:
                yield some


def _rows(files: Iterable[Path], columns: list[str]) -> Iterator[dict[str, list[Any]]]:
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=columns).to_pydict()


def _path(digest: str) -> str:
    return f"{digest[:2]}/{digest[2:4]}/{digest}.dcm"


def _number(digest: str) -> int | None:
    """What stands for a sha256; None of what is none."""
    try:
        return int(digest[:_DIGITS], 16)
    except ValueError:
        return None
