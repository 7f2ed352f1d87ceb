"""Keep de-identified DICOM files under the hash of their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from federim.home import Home
from federim.lake.store import Content, name_of
from federim.lake.stores import object_store


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A file of the store; `path` is relative to the home's objects, `size` in bytes."""

    sha256: str
    path: str
    size: int


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
    stored = StoredObject(sha256=digest, path=name_of(digest), size=size)
    object_store(home).put(stored.path, content)
    return stored


def has(home: Home, path: str) -> bool:
    """Whether a stored file is there."""
    return object_store(home).has(path)


def read(home: Home, path: str) -> Path:
    """Where a stored file lies on this machine, to be opened soon.

    Raises
    ------
    LakeError
        The path leads out of the store, no file is there, or it is not what it was.
    """
    return object_store(home).local(path)


def discard(home: Home, path: str) -> None:
    """Remove a stored file whose record did not enter the lake; a file already gone is no error."""
    object_store(home).remove(path)
