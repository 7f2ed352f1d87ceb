"""Keep files under the hash of their content in a folder of this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from federim.lake.storage import disk_may_refuse, drop_unfinished, private_files, sync, write_once
from federim.lake.store import Content, Listed, is_name, missing
from federim.model.errors import LakeError


class FolderStore:
    """A `Store` in a folder; its files are their owner's alone, and read-only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Remove what killed processes were writing; none may be writing now."""
        drop_unfinished(self._folder)

    def put(self, name: str, content: bytes | Content) -> None:
        target = self._folder / name
        with disk_may_refuse(), private_files():
            target.parent.mkdir(parents=True, exist_ok=True)
        write_once(target, content if isinstance(content, bytes) else content.write, beside=self._folder)

    def has(self, name: str) -> bool:
        return self._inside(name).is_file()

    def local(self, name: str) -> Path:
        target = self._inside(name)
        if not target.is_file():
            raise missing(name)
        return target

    def remove(self, name: str) -> None:
        target = self._inside(name)
        target.unlink(missing_ok=True)
        # Also where the file was gone: whoever removed it may have been killed before this.
        if target.parent.is_dir():
            sync(target.parent)

    def sha256(self, name: str) -> str | None:
        try:
            with self._inside(name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None

    def listed(self) -> Iterator[Sequence[Listed]]:
        for upper in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for lower in sorted(upper.glob("[0-9a-f][0-9a-f]")):
                with os.scandir(lower) as entries:
                    yield [
                        Listed(name, told.st_size, told.st_mtime)
                        for entry in entries
                        if is_name(name := f"{upper.name}/{lower.name}/{entry.name}")
                        and entry.is_file(follow_symlinks=False)
                        for told in [entry.stat(follow_symlinks=False)]
                    ]

    def _inside(self, name: str) -> Path:
        target = (self._folder / name).resolve()
        if not target.is_relative_to(self._folder.resolve()):
            raise LakeError(
                "a stored object's path leads out of the home's objects; the lake was tampered with"
            )
        return target
