"""Cut the smallest piece out of an input that can be read alone, and read it as if it were there still."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Self

from federim.home import Home
from federim.keys import canonical
from federim_pipelines.items import Item
from federim_pipelines.parked.sealed import opened
from federim_pipelines.sources import content, csv
from federim_pipelines.sources.omop import reading as omop
from federim_pipelines.sources.omop.tables import is_parquet

KEY_PURPOSE: Final = "parked"

_OPEN_FILES: Final = Path("/dev/fd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a piece is, sealed before its content: a file's name may tell whose it is."""

    source: str  # which source reads it
    name: str  # the file it belongs to, as the run called it: see `Inputs.name`
    called: str  # that file's own name, without folders
    digest: str  # hash of that file, whole
    start: int  # of what is to be read, in the piece
    end: int | None
    first_line: int

    @classmethod
    def load(cls, text: bytes) -> Self:
        """What `as_bytes` wrote."""
        return cls(**json.loads(text))

    def as_bytes(self) -> bytes:
        """The header in one spelling."""
        return canonical({name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of input: its header, and what it consists of, to be gone through once."""

    header: Header
    parts: Iterator[bytes]

    @classmethod
    def cut(cls, item: Item, *, name: str, digest: bytes) -> Self:
        """The piece that `item` needs: its span alone, after the row of names where it has one.

        Raises
        ------
        OSError, zipfile.BadZipFile
            When the parts are gone through: the input is gone or damaged.
        """
        start, end, parts = 0, None, _parts(item)
        if item.source == omop.KIND and is_parquet(item):  # spans are row groups
            start, end = item.start, item.end
            parts = _parts(Item(source=item.source, path=item.path, member=item.member))
        elif item.end is not None:
            names = b""
            if item.start and item.source in (csv.KIND, omop.KIND):
                names = csv.first_row(item)
            start, end = len(names), len(names) + item.end - item.start
            parts = chain((names,), parts)
        header = Header(
            source=item.source,
            name=name,
            called=item.file_name,
            digest=digest.hex(),
            start=start,
            end=end,
            first_line=item.first_line,
        )
        return cls(header, parts)


@contextmanager
def readable(item: Item, home: Home) -> Iterator[Item]:
    """The item itself; of a parked piece, an item whose content is there as long as the block lasts.

    The content is in a file of the home's staging that has no name, so no kill leaves it behind.

    Raises
    ------
    VerificationFailed
        The piece was changed, or sealed under another key.
    """
    if not item.sealed:
        yield item
        return
    with item.path.open("rb") as sealed, tempfile.TemporaryFile(dir=home.staging) as plain:
        chunks = opened(home.secret(KEY_PURPOSE), sealed)
        header = Header.load(next(chunks))
        for chunk in chunks:
            plain.write(chunk)
        plain.flush()
        yield Item(
            source=header.source,
            path=_OPEN_FILES / str(plain.fileno()),
            start=header.start,
            end=header.end,
            first_line=header.first_line,
            called=header.called,
        )


def _parts(item: Item) -> Iterator[bytes]:
    with content.opened(item) as file:
        yield from _blocks(file)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(content.BLOCK):
        yield block
