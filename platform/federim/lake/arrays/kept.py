"""What is kept of decoded series: count it, and remove a person's, a snapshot's, or all of it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.lake import snapshot
from federim.lake.arrays import names
from federim.lake.storage import private_files, sync
from federim.model.identifiers import Pseudonym

UNFINISHED: Final = "unfinished"


@dataclass(frozen=True, slots=True)
class Kept:
    """Arrays and their bytes on the disk."""

    arrays: int = 0
    bytes: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.arrays + other.arrays, self.bytes + other.bytes)

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def arrays(home: Home, *, below: Path | None = None) -> Iterator[Path]:
    """The folder of every array that is whole, or of those below a snapshot's."""
    for folder in [below] if below else _snapshots(home):
        yield from folder.glob("*/*/*/")


def _snapshots(home: Home) -> list[Path]:
    return [path for path in home.arrays.glob("*/") if path.name != UNFINISHED]


def size(array: Path) -> int:
    """An array's bytes; 0 once it is gone."""
    with suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in array.iterdir())
    return 0


def counted(home: Home, *, below: Path | None = None) -> Kept:
    """All that is kept, or of one snapshot."""
    sizes = [size(path) for path in arrays(home, below=below)]
    return Kept(len(sizes), sum(sizes))


def by_snapshot(home: Home) -> dict[str, Kept]:
    """What is kept of each snapshot that stands, by id; of all others under the empty name."""
    found: dict[str, Kept] = {}
    left = counted(home)
    for each in snapshot.every(home):
        kept = counted(home, below=names.of_snapshot(home, each.sha256))
        if kept.arrays:
            found[each.id] = kept
            left += Kept(-kept.arrays, -kept.bytes)
    return found | ({"": left} if left.arrays else {})


# Whoever calls one of these holds `locks.nobody_copies`: nobody is writing an array.


def take_out(home: Home, persons: Iterable[Pseudonym]) -> Kept:
    """Remove every array of these persons, and what killed processes left; returns the arrays that went.

    It changes nothing where nothing of them is kept.
    """
    gone = Kept()
    folders = [path for folder in _snapshots(home) for path in folder.glob("*/")]
    for person in persons:
        for folder in folders:
            theirs = names.of_person(home, folder, person)
            if theirs.is_dir():
                sizes = [size(path) for path in theirs.iterdir()]
                gone += Kept(len(sizes), sum(sizes))
                remove(home, theirs)
    drop_unfinished(home)
    return gone


def stale(home: Home) -> list[Path]:
    """Folders of snapshots that were revised, purged, or are gone."""
    found = _snapshots(home)
    standing = {names.of_snapshot(home, each.sha256).name for each in snapshot.every(home)} if found else ()
    return [path for path in found if path.name not in standing]


def drop_stale(home: Home) -> Kept:
    """Remove what was decoded of snapshots that do not stand any more, and what killed processes left."""
    gone = Kept()
    for folder in stale(home):
        gone += counted(home, below=folder)
        remove(home, folder)
    drop_unfinished(home)
    return gone


def clear(home: Home) -> Kept:
    """Remove all of it; training decodes anew what it needs."""
    gone = counted(home)
    if home.arrays.is_dir():
        shutil.rmtree(home.arrays)
        sync(home.root)
    return gone


def drop_unfinished(home: Home) -> None:
    """Remove what killed processes were writing or removing."""
    folder = home.arrays / UNFINISHED
    if folder.is_dir():
        shutil.rmtree(folder)
        sync(home.arrays)


def aside(home: Home) -> Path:
    """A new name in the folder of what is not whole, which is made, its owner's alone."""
    with private_files():
        (home.arrays / UNFINISHED).mkdir(parents=True, exist_ok=True)
    return home.arrays / UNFINISHED / secrets.token_hex(16)


def remove(home: Home, folder: Path) -> None:
    """Remove a folder, for readers at once; another process may have been first."""
    gone = aside(home)
    with suppress(FileNotFoundError):
        folder.rename(gone)
        sync(folder.parent)
        shutil.rmtree(gone, ignore_errors=True)
