"""Open ZIP archives, and list their members that can be read in place or say why one is refused."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# A member is read whole into memory. Larger ones exist (whole slides), but then as files, not in archives.
LARGEST_MEMBER = 1 << 30
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Listing:
    """What an archive holds: its members' names in its own order, or why nothing is read of it."""

    members: tuple[str, ...] = ()
    refused: str = ""


def archive(path: Path) -> zipfile.ZipFile:
    """An archive open for reading; it is kept open for the next of its members, and nobody closes it.

    Raises
    ------
    OSError
        The file is gone or may not be read.
    zipfile.BadZipFile
        The archive is damaged.
    """
    found = path.stat()
    return _archive(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


# Opening an archive reads the names of all its members: doing so for each of them is quadratic. Two are kept,
# since the walk is ahead of the reader. One that leaves the cache closes itself when the last of its members
# is read.
@lru_cache(maxsize=2)
def _archive(path: Path, stamp: tuple[int, ...]) -> zipfile.ZipFile:  # noqa: ARG001 — a changed file is another
    return zipfile.ZipFile(path)


def listing(path: Path) -> Listing:
    """The members of an archive, folders left out, from its central directory alone.

    An archive with two members of one name, or whose members share bytes (the trick of a ZIP bomb),
    is refused whole: what its names stand for cannot be trusted.

    Raises
    ------
    OSError
        The file is gone or may not be read.
    """
    try:
        members = [info for info in archive(path).infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return Listing(refused="damaged archive")
    if len({info.filename for info in members}) < len(members):
        return Listing(refused="archive with two members of one name")
    if sum(info.compress_size for info in members) > path.stat().st_size:
        return Listing(refused="archive whose members overlap")
    return Listing(members=tuple(info.filename for info in members))


def why_member_refused(path: Path, member: str) -> str:
    """Why a member is not opened, in words that hold no name of it; empty if it may be.

    Raises
    ------
    OSError
        The file is gone or may not be read.
    zipfile.BadZipFile
        The archive is damaged.
    """
    info = archive(path).getinfo(member)
    if info.flag_bits & _ENCRYPTED:
        return "encrypted member of an archive"
    if info.file_size > LARGEST_MEMBER:
        return f"member of an archive, larger than {LARGEST_MEMBER} bytes"
    return ""
