"""Keep pieces of input that wait for the key server, until the lake has them."""

from __future__ import annotations

import heapq
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.keys import keyed
from federim.lake.storage import drop_unfinished, sync, write_once
from federim.model.errors import VerificationFailed
from federim_pipelines.items import Item
from federim_pipelines.parked.piece import KEY_PURPOSE, Header, Piece
from federim_pipelines.parked.sealed import opened, seal
from federim_pipelines.parked.terms import UNPACKED, Terms
from federim_pipelines.settling import Settlement

_TERMS: Final = "terms"
_PIECES: Final = "pieces"
_REFUSED: Final = "refused"


class ParkingLot:
    """A site's parked pieces: `parked`/<terms>/pieces/<digest>, every byte of them encrypted.

    A folder holds what is to be read on the same terms; names are keyed digests. A piece that the lake
    refuses in the end moves to the folder `refused` beside, as encrypted as before.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._key = home.secret(KEY_PURPOSE)

    def bay(self, terms: Terms) -> Bay:
        """Where pieces on these terms wait; made when the first comes."""
        return Bay(
            self._home.parked / keyed(self._key, _TERMS, terms.as_bytes())[:16].hex(), self._key, terms
        )

    def bays(self) -> Iterator[Bay]:
        """Every folder of pieces, in the order of their names."""
        for folder in self._folders():
            if (folder / _TERMS).exists():
                yield Bay(folder, self._key)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return all(bay.is_empty for bay in self.bays())

    def tidy(self) -> None:
        """Remove what killed runs left unfinished. None may be running."""
        for folder in self._folders():
            drop_unfinished(folder)
        for left in self._home.staging.glob(f"{UNPACKED}*"):
            shutil.rmtree(left)

    def _folders(self) -> list[Path]:
        try:
            return sorted(folder for folder in self._home.parked.iterdir() if folder.is_dir())
        except FileNotFoundError:
            return []


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked piece."""

    path: Path
    header: Header

    @property
    def item(self) -> Item:
        """The piece as an item: a worker unseals it."""
        return Item(source=self.header.source, path=self.path, sealed=True)


class Bay:
    """The pieces that wait on the same terms."""

    def __init__(self, folder: Path, key: bytes, terms: Terms | None = None) -> None:
        self._folder = folder
        self._key = key
        self._terms = terms

    @property
    def terms(self) -> Terms:
        """How to read them.

        Raises
        ------
        VerificationFailed
            The terms were changed, or sealed under another key.
        """
        if self._terms is None:
            with (self._folder / _TERMS).open("rb") as file:
                self._terms = Terms.load(next(opened(self._key, file)))
        return self._terms

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return next(self._paths(_PIECES), None) is None

    def keep(self, item: Item, *, name: str, digest: bytes) -> None:
        """Have the piece that `item` needs on the disk, encrypted; one that is there already stays.

        Parameters
        ----------
        name : str
            The file it belongs to, as the run calls it.
        digest : bytes, 32
            Hash of that file, whole.

        Raises
        ------
        StorageFull
            The disk refuses it.
        OSError, zipfile.BadZipFile
            The input is gone or damaged.
        """
        self._make()
        span = f"{item.start} {item.end}"
        path = self._folder / _PIECES / keyed(self._key, item.source, name, digest, span)[:16].hex()
        if path.exists():
            return
        piece = Piece.cut(item, name=name, digest=digest)
        self._write(path, piece.header.as_bytes(), piece.parts)
        now = time.time_ns()  # the disk's own clock may not tell one piece from the next
        os.utime(path, ns=(now, now))

    def waiting(self) -> Iterator[Waiting]:
        """The pieces that wait, the damaged apart."""
        return self._readable(self._paths(_PIECES))

    def first(self, most: int) -> list[Waiting]:
        """Those that wait longest, in the order in which they came, the damaged apart."""
        oldest = heapq.nsmallest(most, self._paths(_PIECES), key=lambda path: path.stat().st_mtime_ns)
        return list(self._readable(oldest))

    @property
    def damaged(self) -> int:
        """How many pieces were changed, or sealed under another key: they stay where they are."""
        return sum(1 for _ in self._paths(_PIECES)) - sum(1 for _ in self.waiting())

    def settle(self, path: Path, settlement: Settlement, /) -> None:
        """Let go of a piece that the lake has, or of a person who objects; keep what it refused apart."""
        if settlement.parked:
            return
        if settlement.refused and not settlement.opposed:
            self._refuse(path)
        else:
            path.unlink(missing_ok=True)

    def _refuse(self, path: Path) -> None:
        path.replace(self._folder / _REFUSED / path.name)

    @property
    def refused(self) -> list[Path]:
        """The pieces that the lake refused."""
        return list(self._paths(_REFUSED))

    def readmit(self) -> None:
        """Have what was refused wait again."""
        for path in self.refused:
            path.replace(self._folder / _PIECES / path.name)

    def _make(self) -> None:
        if (self._folder / _TERMS).exists():
            return
        for folder in (
            self._folder.parent,
            self._folder,
            self._folder / _PIECES,
            self._folder / _REFUSED,
        ):
            folder.mkdir(mode=0o700, exist_ok=True)
            sync(folder.parent)
        self._write(self._folder / _TERMS, self.terms.as_bytes(), ())

    def _write(self, path: Path, header: bytes, parts: Iterable[bytes]) -> None:
        def writing(descriptor: int) -> None:
            with open(descriptor, "wb", closefd=False) as target:
                seal(self._key, header, parts, target)

        write_once(path, writing, beside=self._folder)

    def _readable(self, paths: Iterable[Path]) -> Iterator[Waiting]:
        for path in paths:
            with suppress(VerificationFailed):
                with path.open("rb") as file:
                    header = Header.load(next(opened(self._key, file)))
                yield Waiting(path, header)

    def _paths(self, folder: str) -> Iterator[Path]:
        with suppress(FileNotFoundError), os.scandir(self._folder / folder) as entries:
            for entry in entries:
                yield Path(entry.path)
