"""Keep de-identified DICOM files under the hash of their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from federim.home import Home
from federim.lake.storage import disk_may_refuse, private_files, write_once
from federim.model.errors import LakeError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A file of the store; `path` is relative to the home's objects, `size` in bytes."""

    sha256: str
    path: str
    size: int


class Content(Protocol):
    """A file to be: its hash, its size in bytes, and what writes it."""

    @property
    def sha256(self) -> str: ...

    @property
    def size(self) -> int: ...

    def write(self, descriptor: int, /) -> None: ...


def store(home: Home, content: bytes | Content) -> StoredObject:
    """Keep `content` as ab/cd/<sha256>.dcm; storing it again changes nothing.

    Raises
    ------
    StorageFull
        The disk refuses; no part of the file stays.
    """
    if isinstance(content, bytes):
        digest, size = hashlib.sha256(content).hexdigest(), len(content)
    else:
        digest, size = content.sha256, content.size
    stored = StoredObject(sha256=digest, path=f"{digest[:2]}/{digest[2:4]}/{digest}.dcm", size=size)
    target = home.objects / stored.path
    with disk_may_refuse(), private_files():
        target.parent.mkdir(parents=True, exist_ok=True)
    write_once(target, content if isinstance(content, bytes) else content.write, beside=home.objects)
    return stored


def read(home: Home, path: str) -> Path:
    """Where a stored file lies.

    Raises
    ------
    LakeError
        The path leads out of the store, or no file is there.
    """
    target = _inside(home, path)
    if not target.is_file():
        raise LakeError(f"objects/{path} is missing; restore it from the site's backup")
    return target


def discard(home: Home, path: str) -> None:
    """Remove a stored file whose record did not enter the lake; a file already gone is no error."""
    _inside(home, path).unlink(missing_ok=True)


def _inside(home: Home, path: str) -> Path:
    target = (home.objects / path).resolve()
    if not target.is_relative_to(home.objects.resolve()):
        raise LakeError("a stored object's path leads out of the home's objects; the lake was tampered with")
    return target
