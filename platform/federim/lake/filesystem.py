"""Serve pinned files to DuckDB under addresses of ours, to be read and nothing else."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem

PROTOCOL = "lake"


class PinnedFiles(AbstractFileSystem):
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

    def _open(self, path: str, mode: str = "rb", **options: Any) -> io.BufferedReader:  # noqa: ARG002
        if mode != "rb":
            raise PermissionError("the lake's files are read, not written")
        return self._real(path).open("rb")

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
