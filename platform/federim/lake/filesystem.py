"""Serve pinned files to DuckDB under addresses of ours, to be read and nothing else."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any

from fsspec import AbstractFileSystem

from federim.lake.parts import BucketFile, Parts, opened

PROTOCOL = "lake"


class ConcurrentReads(io.RawIOBase):
    """A file several threads read through one handle, each from where it last sought itself.

    DuckDB's threads share a handle, and its seek and its read are two calls: with one common position a
    thread gets bytes from another's place, and the query fails or, worse, does not.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self._size = parts.size
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
        content = self._parts.read(position, self._size - position if size < 0 else size)
        self._positions[get_ident()] = position + len(content)
        return content

    def close(self) -> None:
        if not self.closed:
            self._parts.close()
        super().close()


class PinnedFiles(AbstractFileSystem):  # type: ignore[misc]
    """The files of one connection, by URL: they can be opened with mode `rb`, listed and measured.

    DuckDB's own file systems let COPY overwrite whatever `allowed_paths` lets it read; this one cannot write.
    """

    protocol = PROTOCOL
    cachable = False  # fsspec would give a later connection the files of an earlier one

    def __init__(self, files: Mapping[str, Path | BucketFile]) -> None:
        super().__init__()
        self._files = files

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def open(self, path: str, mode: str = "rb", **options: Any) -> ConcurrentReads:  # noqa: ARG002
        """The file, to be read: without what fsspec does around it, which takes longer than the reading."""
        if mode != "rb":
            raise PermissionError("the lake's files are read, not written")
        return ConcurrentReads(opened(self._real(path)))

    def glob(self, path: str, **options: Any) -> list[str]:  # noqa: ARG002
        """The address itself: a pattern would only find what the caller was not given by name."""
        return [path] if path in self._files else []

    def exists(self, path: str, **options: Any) -> bool:  # noqa: ARG002
        return path in self._files

    def info(self, path: str, **options: Any) -> dict[str, Any]:  # noqa: ARG002
        file = self._real(path)
        size = file.stat().st_size if isinstance(file, Path) else file.size
        return {"name": path, "size": size, "type": "file"}

    def modified(self, path: str) -> datetime:
        file = self._real(path)
        return datetime.fromtimestamp(file.stat().st_mtime if isinstance(file, Path) else file.modified, UTC)

    def _real(self, path: str) -> Path | BucketFile:
        try:
            return self._files[path]
        except KeyError:
            raise FileNotFoundError("no such file in this lake") from None
