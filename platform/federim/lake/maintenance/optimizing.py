"""Bring live tables into as few files as their declared order and row groups allow; no row changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from federim.home import Home, Role
from federim.lake.delta import DeltaWriter
from federim.lake.locks import PATIENCE, only_writer
from federim.lake.maintenance.watch import Unwatched, Watch
from federim.lake.opener import exists
from federim.lake.person_rows import Copies
from federim.lake.schema import TABLES, table
from federim.lake.storage import disk_may_refuse, private_files
from federim.lake.tables import Lake


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimized:
    """A table's files and their bytes, before and after."""

    files_before: int
    bytes_before: int
    files: int
    bytes: int
    changed: bool


def optimize(
    home: Home, *, only: Collection[str] = (), watch: Watch | None = None, patience: float = PATIENCE
) -> dict[str, Optimized]:
    """Rewrite buckets that are in many files or out of order; by table, those that exist.

    The same rows make the same files, byte for byte, whatever they came in by. Files that were replaced stay
    on the disk, for snapshots that pin them and for queries that run, until `vacuuming.vacuum`. Stopped
    anywhere, the same again does the rest.

    Parameters
    ----------
    only : names of tables
        All of them, where none is given.
    patience : float
        Seconds to wait for the end of a run that is writing.

    Raises
    ------
    UnknownName
        No such table; the message suggests the nearest.
    LakeError
        Another run is writing.
    StorageFull
        The disk refuses; what was committed stays.
    """
    home.require(Role.SITE)
    watch = watch or Unwatched()
    wanted = {table(name).name for name in only} or set(TABLES)
    present = [name for name in TABLES if name in wanted and exists(home, name)]
    done = {}
    watch.stage("tables", len(present))
    with private_files(), only_writer(home, patience), disk_may_refuse():
        for name in present:
            before = Lake(home).files(name)
            size = sum(file.stat().st_size for file in before)
            # A batch that waits in staging stays there: the table's last one is said again, not another.
            DeltaWriter(home.lake / name, TABLES[name], Copies()).optimize()
            after = Lake(home).files(name)
            done[name] = Optimized(
                files_before=len(before),
                bytes_before=size,
                files=len(after),
                bytes=sum(file.stat().st_size for file in after),
                changed=before != after,
            )
            watch.advance()
    return done
