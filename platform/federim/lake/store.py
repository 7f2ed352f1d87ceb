"""What the lake asks of a place that keeps files under the hash of their content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from federim.model.errors import LakeError

_NAME: Final = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})\.dcm")


class Content(Protocol):
    """A file to be: its hash, its size in bytes, and what writes it."""

    @property
    def sha256(self) -> str: ...

    @property
    def size(self) -> int: ...

    def write(self, descriptor: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A stored file by its name, its size in bytes, and when it came (seconds since 1970)."""

    name: str
    size: int
    modified: float


class Store(Protocol):
    """Files that never change, each under a name made from its SHA-256 (`name_of`).

    Only maintenance lists names: what is there, the lake's tables say.
    """

    def prepare(self) -> None:
        """Get ready for writing and removing; to be called by the home's one writer.

        Raises
        ------
        LakeError
            The place would keep what is removed from it, is another site's, or cannot be reached.
        """

    def put(self, name: str, content: bytes | Content) -> None:
        """Have the file appear whole or not at all, and durable; nothing happens if it is there.

        Raises
        ------
        StorageFull
            The disk refuses; no part of the file stays.
        LakeError
            As `prepare`.
        """

    def has(self, name: str) -> bool:
        """Whether the file is there; `LakeError` if its place cannot be reached."""

    def local(self, name: str) -> Path:
        """A file on this machine with the content, to be opened soon and not changed.

        Raises
        ------
        LakeError
            No file is there, it is not what its name says, or the name leads elsewhere.
        """

    def remove(self, name: str) -> None:
        """Have the file gone, durably, from here and from local copies; one gone already is no error."""

    def sha256(self, name: str) -> str | None:
        """The hash of the bytes that the file has now, none of which is kept; None where it is not there."""

    def listed(self) -> Iterator[Sequence[Listed]]:
        """Every file under a name of `name_of`, some at a time; it takes as long as the store is large.

        Raises
        ------
        LakeError
            The place cannot be reached, or does not let this home list it.
        """


def is_name(name: str) -> bool:
    """Whether `name_of` made it."""
    return _NAME.fullmatch(name) is not None


def name_of(sha256: str) -> str:
    """ab/cd/<sha256>.dcm: 65,536 folders or prefixes, so that none has too many names."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}.dcm"


def sha256_of(name: str) -> str:
    """The hash that a name was made from.

    Raises
    ------
    LakeError
        It was made otherwise.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise LakeError("a stored object's path leads out of the home's objects; the lake was tampered with")
    return found[3]


def missing(name: str) -> LakeError:
    """What to raise where no file of that name is."""
    return LakeError(f"objects/{name} is missing; restore it from the site's backup")
