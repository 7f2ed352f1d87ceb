"""Keep the list of what a walk found on the disk, so that folders are walked and files looked into once."""

from __future__ import annotations

import json
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from federim_pipelines.items import Item

_BYTES_AT_A_TIME = 1 << 16


class Listed:
    """Items in their order, as many as there are, in a file without a name that no kill leaves behind.

    Parameters
    ----------
    folder : Path
        Of the disk the file is on: names of files may identify patients, so it is one of the home's.
    """

    def __init__(self, items: Iterable[Item], folder: Path) -> None:
        self._count = 0
        self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 — open as long as this is
        weakref.finalize(self, self._file.close)
        for item in items:
            told = json.dumps([item.source, os.fspath(item.path), item.member])
            self._file.write(f"{told}\n".encode("ascii"))
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Item]:
        position = 0  # kept here: several may read the list in turn
        while True:
            self._file.seek(position)
            lines = self._file.readlines(_BYTES_AT_A_TIME)
            position = self._file.tell()
            if not lines:
                return
            for line in lines:
                source, path, member = json.loads(line)
                yield Item(source=source, path=Path(path), member=member)
