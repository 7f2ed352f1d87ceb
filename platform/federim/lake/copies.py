"""Hold copies of stored objects on this machine for a while: nothing is lost when they go."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from federim.lake.storage import UNFINISHED, disk_may_refuse, private_files, sync

SPARED: Final = 600.0
"""Seconds a copy stays after somebody asked for it, since that one may not have opened it yet."""

ABANDONED: Final = 86_400.0
"""Seconds after which an unfinished copy is nobody's: its process was killed."""


class ObjectCopies:
    """A folder of copies, of at most about `most` bytes; those asked for longest ago go first.

    Any number of processes may use the folder at once.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        # The first copy of a process has it look: others may have left the folder full.
        self._since_trimmed = most

    def held(self, name: str) -> Path | None:
        """The copy, if there is one."""
        path = self._folder / name
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def add(self, name: str, write: Callable[[int], None], publish: Callable[[Path], None]) -> Path:
        """Make a copy: `write` puts its bytes into an open file, and `publish` is given it complete.

        What either raises leaves no copy.

        Raises
        ------
        FileNotFoundError
            The object was removed meanwhile.
        StorageFull
            The disk refuses.
        """
        path = self._folder / name
        with disk_may_refuse(), private_files():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside the copy, so that `remove` finds it whoever is writing it.
            part = path.with_name(f"{path.name}.{secrets.token_hex(8)}{UNFINISHED}")
            try:
                with part.open("xb") as file:
                    write(file.fileno())
                    size = os.fstat(file.fileno()).st_size
                part.chmod(0o400)
                sync(part)
                publish(part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        self._since_trimmed += size
        if self._since_trimmed * 8 >= self._most:
            self.trim()
        return path

    def remove(self, name: str) -> None:
        """Have no copy, finished or not, any more."""
        path = self._folder / name
        # Again until there is none: an unfinished copy that was found may have got its name since.
        while copies := list(path.parent.glob(f"{path.name}*")):
            for copy in copies:
                copy.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync(path.parent)

    def trim(self) -> None:
        """Remove copies beyond the folder's size, and what killed processes left."""
        self._since_trimmed = 0
        now, found = time.time(), []
        for path in self._folder.glob("*/*/*"):
            with suppress(FileNotFoundError):
                told = path.stat()
                if path.suffix == UNFINISHED:
                    if now - told.st_mtime > ABANDONED:
                        path.unlink()
                else:
                    found.append((told.st_mtime, told.st_size, path))
        excess = sum(size for _, size, _ in found) - self._most
        for asked, size, path in sorted(found):
            if excess <= 0 or now - asked < SPARED:
                break
            path.unlink(missing_ok=True)
            excess -= size
