"""Let go of stored objects that were replaced, once no snapshot pins them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import images, snapshot
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.tables import LakeWriter


def sweep(home: Home, writer: LakeWriter) -> int:
    """Remove replaced objects from the home's store; returns how many.

    To be called whenever objects were replaced, or input was read that may have stored them again. Nothing is
    removed while a file that a snapshot pins is gone from the lake, since nobody knows what it spoke of.
    """
    present = [path for path in writer.dropped if images.has(home, path)]
    if not present:
        return 0
    files = {
        home.lake / pinned.path
        for frozen in snapshot.every(home)
        for pinned in frozen.files
        if pinned.table == INSTANCE_FILE.name
    }
    if not all(file.is_file() for file in files):
        return 0
    needed = {path for file in files for path in _among(present, file)}
    unneeded = [path for path in present if path not in needed]
    for path in unneeded:
        images.discard(home, path)
    return len(unneeded)


def _among(paths: list[str], file: Path) -> list[str]:
    """Of these paths of stored objects, the ones that a file of `instance_file` speaks of."""
    found = pq.read_table(file, columns=["path"])["path"]
    spoken_of: list[str] = found.filter(pc.is_in(found, pa.array(paths))).to_pylist()
    return spoken_of
