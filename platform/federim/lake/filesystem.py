"""Serve pinned files to DuckDB under addresses of ours, to be read and nothing else."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any

from fsspec import AbstractFileSystem

PROTOCOL = "lake"


class ConcurrentReads(io.RawIOBase):
    """A file several threads read through one handle, each from where it last sought itself.

    DuckDB's threads share a handle, and its seek and its read are two calls: with one common position a
    thread gets bytes from another's place, and the query fails or, worse, does not.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_RDONLY)
        self._size = os.fstat(self._descriptor).st_size
        # Not a `threading.local`: it is emptied between two calls of a thread that Python did not start.
        self._positions: dict[int, int] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._positions.get(get_ident(), 0)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        self._positions[get_ident()] = start + offset
        return start + offset

    def read(self, size: int = -1) -> bytes:
        position = self.tell()
        content = os.pread(self._descriptor, self._size - position if size < 0 else size, position)
        self._positions[get_ident()] = position + len(content)
        return content

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


class PinnedFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files of one connection, by URL: they can be opened with mode `rb`, listed and measured.

    DuckDB's own file systems let COPY overwrite whatever `allowed_paths` lets it read; this one cannot write.
    """

    protocol = PROTOCOL
    cachable = False  # fsspec would give a later connection the files of an earlier one

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__()
        self._files = files

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def open(self, path: str, mode: str = "rb", **options: Any) -> ConcurrentReads:  # noqa: ARG002
        """The file, to be read: without what fsspec does around it, which takes longer than the reading."""
        if mode != "rb":
            raise PermissionError("the lake's files are read, not written")
        return ConcurrentReads(self._real(path))

    def glob(self, path: str, **options: Any) -> list[str]:  # noqa: ARG002
        """The address itself: a pattern would only find what the caller was not given by name."""
        return [path] if path in self._files else []

    def exists(self, path: str, **options: Any) -> bool:  # noqa: ARG002
        return path in self._files

    def info(self, path: str, **options: Any) -> dict[str, Any]:  # noqa: ARG002
        return {"name": path, "size": self._real(path).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(self._real(path).stat().st_mtime, UTC)

    def _real(self, path: str) -> Path:
        try:
            return self._files[path]
        except KeyError:
            raise FileNotFoundError("no such file in this lake") from None
