"""A file to be written: new bytes about a stretch of another file, copied without being read."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from federim_pipelines.deidentify.reading import Source

# What the kernel says where it cannot copy between two files by itself.
_KERNEL_CANNOT: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF})


@dataclass(kw_only=True)
class Spliced:
    """What is written is `head`, then `body` or `length` bytes of the source from `start`, then `tail`.

    A context manager: leaving it closes the source.
    """

    source: Source
    head: bytes
    body: bytes = b""
    start: int = 0
    length: int = 0
    tail: bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    @property
    def size(self) -> int:
        """Of the whole file, in bytes."""
        return len(self.head) + (len(self.body) or self.length) + len(self.tail)

    @cached_property
    def sha256(self) -> str:
        """Of the whole file, 64 hexadecimal digits."""
        digest = hashlib.sha256(self.head)
        if self.body:
            digest.update(self.body)
        elif self.length:
            with memoryview(self.source.buffer()) as content:
                digest.update(content[self.start : self.start + self.length])
        digest.update(self.tail)
        return digest.hexdigest()

    def write(self, descriptor: int) -> None:
        """Write the whole file to an open descriptor, the pixels without passing through this process.

        Raises
        ------
        OSError
            The disk refuses.
        """
        _write(descriptor, self.head)
        if self.body:
            _write(descriptor, self.body)
        elif self.length:
            self._copy(descriptor)
        if self.tail:
            _write(descriptor, self.tail)

    def _copy(self, descriptor: int) -> None:
        start, left = self.start, self.length
        try:
            while left and self.source.descriptor >= 0:
                copied = os.copy_file_range(self.source.descriptor, descriptor, left, start)
                if not copied:
                    break
                start, left = start + copied, left - copied
        except OSError as error:
            if error.errno not in _KERNEL_CANNOT:
                raise
        if left:
            with memoryview(self.source.buffer()) as content:
                _write(descriptor, content[start : start + left])


def _write(descriptor: int, content: bytes | memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
