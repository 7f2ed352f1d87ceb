"""Let go of stored objects that were replaced, once no snapshot pins them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import images, snapshot
from federim.lake.schema import INSTANCE_FILE
from federim.lake.tables import LakeWriter
from federim.model.errors import LakeError


def sweep(home: Home, writer: LakeWriter) -> int:
    """Remove replaced objects from the home's store; returns how many.

    To be called whenever objects were replaced, or input was read that may have stored them again.

    Raises
    ------
    LakeError
        A snapshot's own lake file is gone, so nobody knows what it pins; nothing was removed.
    """
    present = [path for path in writer.dropped if (home.objects / path).is_file()]
    if not present:
        return 0
    pinned = _pinned(home, present)
    unpinned = [path for path in present if path not in pinned]
    for path in unpinned:
        images.discard(home, path)
    return len(unpinned)


def _pinned(home: Home, paths: list[str]) -> set[str]:
    """Of these paths of stored objects, the ones that a snapshot's tables speak of."""
    files = {
        pinned.path
        for frozen in snapshot.every(home)
        for pinned in frozen.files
        if pinned.table == INSTANCE_FILE.name
    }
    found: set[str] = set()
    for file in sorted(files):
        try:
            stored = pq.read_table(home.lake / file, columns=["path"])
        except FileNotFoundError:
            raise LakeError(
                f"lake/{file}, which a snapshot pins, is gone; restore it from the site's backup"
            ) from None
        found.update(stored.filter(pc.is_in(stored["path"], pa.array(paths)))["path"].to_pylist())
    return found
