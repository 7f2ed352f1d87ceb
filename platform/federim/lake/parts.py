"""Read files in parts, wherever they lie: on this machine or in a bucket."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from federim.model.errors import LakeError

if TYPE_CHECKING:
    from obstore.store import S3Store


class Parts(Protocol):
    """An open file."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer where the file ends; any number of threads at once."""

    def close(self) -> None: ...


class LocalParts:
    """A file of this machine, which may be removed while it is open."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def close(self) -> None:
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class BucketFile:
    """A file of a bucket as it was when it was looked for: all its parts are of that one, or none is read.

    Attributes
    ----------
    modified : seconds since 1970
    tag : what the bucket gave its content (S3 API, ETag)
    """

    bucket: S3Store
    name: str
    size: int
    modified: float
    tag: str

    @classmethod
    def found(cls, bucket: S3Store, name: str) -> BucketFile:
        """The file as it is now.

        Raises
        ------
        LakeError
            It is not there, or the bucket cannot be reached.
        """
        import obstore

        from federim.lake.bucket import bucket_may_refuse

        try:
            with bucket_may_refuse():
                told = obstore.head(bucket, name)
        except FileNotFoundError:
            raise _gone() from None
        return cls(bucket, name, told["size"], told["last_modified"].timestamp(), told["e_tag"] or "")

    def read(self, start: int, length: int) -> bytes:
        """As `Parts.read`.

        Raises
        ------
        LakeError
            The file was removed or replaced since, or the bucket cannot be reached.
        """
        import obstore
        from obstore.exceptions import PreconditionError

        from federim.lake.bucket import bucket_may_refuse

        end = min(start + length, self.size)
        if start >= end:
            return b""
        try:
            with bucket_may_refuse():
                try:
                    told = obstore.get(
                        self.bucket, self.name, options={"range": (start, end), "if_match": self.tag}
                    )
                    return bytes(told.bytes())
                except PreconditionError:
                    raise _gone() from None
        except FileNotFoundError:
            raise _gone() from None

    def close(self) -> None:
        """Nothing is held between two reads."""


def opened(file: Path | BucketFile) -> Parts:
    """The file, to be read."""
    return LocalParts(file) if isinstance(file, Path) else file


def _gone() -> LakeError:
    return LakeError("a file of the lake was removed or replaced meanwhile; open the lake again")
