"""Write files so that neither a crash nor a full disk leaves one half-written."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from deltalake.exceptions import DeltaError

from federim.model.errors import LakeError, StorageFull

UNFINISHED = ".part"

FULL = (errno.ENOSPC, errno.EDQUOT)
# delta-rs and SQLite say it in words: strerror(ENOSPC), strerror(EDQUOT), SQLITE_FULL.
FULL_SENTENCES = ("No space left on device", "Disk quota exceeded", "database or disk is full")


@contextmanager
def disk_may_refuse() -> Iterator[None]:
    """Turn whatever a full disk makes a library raise into `StorageFull`."""
    try:
        yield
    except (OSError, DeltaError, sqlite3.OperationalError) as error:
        if getattr(error, "errno", None) in FULL or any(said in str(error) for said in FULL_SENTENCES):
            raise StorageFull(
                "the disk is full and the last batch incomplete; free some space, then run again"
            ) from error
        raise


@contextmanager
def private_files() -> Iterator[None]:
    """Whatever is created inside, by any library, is its owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's list of names, on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Writing(Protocol):
    """What can put all its bytes into an open file."""

    def __call__(self, descriptor: int, /) -> None: ...


def write_once(path: Path, content: bytes | Writing, *, beside: Path) -> None:
    """Make a read-only file that appears whole or not at all; keep the one that is there already.

    Parameters
    ----------
    content : bytes or callable
        What the file holds, or what writes it to an open descriptor.
    beside : Path
        Folder of the same disk for the unfinished file; what a kill leaves there, `drop_unfinished` removes.
    """
    if path.exists():
        return
    with disk_may_refuse():
        descriptor, name = tempfile.mkstemp(suffix=UNFINISHED, dir=beside)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    content(file.fileno())
            part.chmod(0o400)
            sync(part)
            part.replace(path)
            sync(path.parent)
        finally:
            part.unlink(missing_ok=True)


def scrub(connection: sqlite3.Connection) -> None:
    """Leave nothing of deleted rows in an SQLite database's files.

    Raises
    ------
    LakeError
        Another process is reading, and keeps the rows it may still ask for.
    """
    connection.execute("VACUUM")
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise LakeError("another process is reading one of the home's own lists; run again once it has ended")


def drop_unfinished(folder: Path) -> None:
    """Remove what killed processes were writing; none may be writing now."""
    for part in folder.glob(f"*{UNFINISHED}"):
        part.unlink(missing_ok=True)
