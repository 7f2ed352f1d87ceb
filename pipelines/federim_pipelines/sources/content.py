"""Open an input file, a member of an archive or a span of bytes, without caring which."""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from federim_pipelines.items import Item
from federim_pipelines.sources.archive import archive

BLOCK = 1 << 20

# What opening an input raises where it is gone or damaged.
CANNOT_OPEN: Final = (OSError, EOFError, zipfile.BadZipFile, zlib.error)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises
    ------
    OSError
        It is gone, may not be read, or is no file: a pipe would be waited on for ever.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return path.open("rb")


@contextmanager
def opened(item: Item) -> Iterator[BinaryIO]:
    """The bytes of an item, positioned at its start; a span is held in memory, a whole file is not.

    Raises
    ------
    OSError
        As `open_file`.
    zipfile.BadZipFile
        The archive it is a member of is damaged.
    """
    if item.member:
        with archive(item.path).open(item.member) as member:
            yield cast(BinaryIO, member)
    else:
        with open_file(item.path) as file:
            if item.start == 0 and item.end is None:
                yield file
            else:
                file.seek(item.start)
                yield io.BytesIO(file.read(-1 if item.end is None else item.end - item.start))


def size_of(item: Item) -> int:
    """Bytes of a whole file or member, unpacked; `OSError` and `BadZipFile` as `opened`."""
    if item.member:
        return archive(item.path).getinfo(item.member).file_size
    return item.path.stat().st_size


def digest(item: Item) -> bytes:
    """A hash of the whole file an item belongs to (32 bytes); of nothing where it cannot be read."""
    code = hashlib.sha256()
    try:
        with opened(Item(source=item.source, path=item.path, member=item.member)) as file:
            while block := file.read(BLOCK):
                code.update(block)
    except (OSError, zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError):
        return hashlib.sha256().digest()
    return code.digest()
