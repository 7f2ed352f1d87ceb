"""Find the files of a folder tree, a few dozen of one folder at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

# Enough that handing a chunk to another process costs nothing beside its work, few enough that at the end no
# process works long alone.
FILES_A_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some files of one folder, named from the top of the tree; and what else the folder held."""

    folder: str  # "" is the top
    names: tuple[str, ...]
    ignored: int = 0  # links, sockets, DICOMDIRs
    unreadable: bool = False  # the folder itself


def chunks(top: str) -> Iterator[Chunk]:
    """All regular files under `top`, in the order of their names; links are not followed.

    A folder that cannot be listed is a chunk of its own, without files.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        names, folders, ignored = [], [], 0
        try:
            with os.scandir(f"{top}/{folder}") as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{folder}/{entry.name}" if folder else entry.name)
                    elif entry.is_file(follow_symlinks=False) and entry.name.upper() != "DICOMDIR":
                        names.append(entry.name)
                    else:
                        ignored += 1
        except OSError:
            yield Chunk(folder, (), unreadable=True)
            continue
        names.sort()
        waiting.extend(sorted(folders, reverse=True))
        yield Chunk(folder, tuple(names[:FILES_A_CHUNK]), ignored)
        for start in range(FILES_A_CHUNK, len(names), FILES_A_CHUNK):
            yield Chunk(folder, tuple(names[start : start + FILES_A_CHUNK]))
