"""Remove from the disk what no live table and no snapshot needs any more, once it is old enough."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import unquote

from federim.home import Home, Role
from federim.lake import snapshot, snapshot_folder
from federim.lake.arrays import kept
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.delta_log import LOG
from federim.lake.locks import PATIENCE, nobody_copies, only_writer
from federim.lake.maintenance import stored
from federim.lake.maintenance.watch import Unwatched, Watch
from federim.lake.schema import TABLES
from federim.lake.snapshot import Snapshot
from federim.lake.staging import Batch, waiting
from federim.lake.storage import UNFINISHED, disk_may_refuse, sync
from federim.lake.stores import object_store
from federim.lake.tables import Lake
from federim.model.errors import LakeError

DAYS: Final = 7
_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """Files of tables, stored objects, decoded series and unfinished files that went, and their bytes.

    `kept` are those that nothing needs either and that are too young.
    """

    files: int = 0
    file_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0
    arrays: int = 0
    array_bytes: int = 0
    unfinished: int = 0
    unfinished_bytes: int = 0
    kept: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


_Name = TypeVar("_Name", Path, str)


@dataclass(frozen=True)  # with slots a generic class of Python 3.11 cannot be made
class _Unneeded(Generic[_Name]):
    """What goes, by path or by an object's name, with its size; and how many are too young to."""

    going: dict[_Name, int]
    kept: int = 0


def vacuum(
    home: Home,
    *,
    older_than: float = DAYS,
    dry_run: bool = False,
    watch: Watch | None = None,
    patience: float = PATIENCE,
) -> Removed:
    """Remove files and objects that nothing needs, and what killed processes were writing.

    So go series that were decoded of snapshots which stand no more, whatever their age.

    A live table needs the files that it lists, and a snapshot those that it pins, whoever exported from it or
    trained on it; an object is needed where one of these files speaks of it. Releases hold their own copies,
    and are left alone.

    Parameters
    ----------
    older_than : days
        Since a file left its table, or was written where it never was in one. Whoever reads the lake for
        longer than that loses files under their hands; 0 is for a lake that nobody reads.
    dry_run
        Say what would go, and remove none of it.
    patience : float
        Seconds to wait for the end of a run that is writing.

    Raises
    ------
    LakeError
        Another run is writing; a file that a table lists or a snapshot pins is gone: nobody knows what it
        spoke of; or the bucket of `objects_url` would keep what is removed.
    VerificationFailed
        A snapshot was changed: nobody knows what it pins.
    """
    home.require(Role.SITE)
    watch = watch or Unwatched()
    before = time.time() - older_than * _DAY
    with only_writer(home, patience), nobody_copies(home), disk_may_refuse():
        frozen = snapshot.every(home)
        batch = waiting(home.staging)
        watch.stage("files of tables", len(TABLES))
        files = _Unneeded[Path]({})
        for name in TABLES:
            files = _both(files, _files(home, name, frozen, before))
            watch.advance()
        objects = _objects(home, frozen, batch, before, watch)
        unfinished = _Unneeded({path: path.stat().st_size for path in _unfinished(home)})
        decoded = sum((kept.counted(home, below=each) for each in kept.stale(home)), kept.Kept())
        if not dry_run:
            # First: what is removed from a bucket that keeps versions would not be gone.
            object_store(home).prepare()
            watch.stage("removing", len(files.going) + len(unfinished.going) + len(objects.going))
            kept.drop_stale(home)
            _remove([*files.going, *unfinished.going], watch)
            for name in objects.going:
                object_store(home).remove(name)
                watch.advance()
            snapshot_folder.drop_unfinished(home)
    return Removed(
        files=len(files.going),
        file_bytes=sum(files.going.values()),
        objects=len(objects.going),
        object_bytes=sum(objects.going.values()),
        arrays=decoded.arrays,
        array_bytes=decoded.bytes,
        unfinished=len(unfinished.going),
        unfinished_bytes=sum(unfinished.going.values()),
        kept=files.kept + objects.kept,
    )


def _needed(home: Home, name: str, frozen: Iterable[Snapshot]) -> set[Path]:
    """The files that a table lists, and those of it that snapshots pin; all are there."""
    needed = set(Lake(home).files(name))
    needed |= {home.lake / pinned.path for each in frozen for pinned in each.files if pinned.table == name}
    gone = sum(not path.is_file() for path in needed)
    if gone:
        raise LakeError(
            f"{gone} files that table {name} lists or snapshots pin are gone, so nobody knows what may go; "
            "see federim lake check, and restore the lake from a backup"
        )
    return needed


def _files(home: Home, name: str, frozen: Iterable[Snapshot], before: float) -> _Unneeded[Path]:
    place = home.lake / name
    needed, left = _needed(home, name, frozen), _left(place)
    going, kept = {}, 0
    for path in (*place.glob("*.parquet"), *place.glob("bucket=*/*.parquet")):
        if path in needed:
            continue
        told = path.stat()
        if max(told.st_mtime, left.get(path, 0.0)) < before:
            going[path] = told.st_size
        else:
            kept += 1
    return _Unneeded(going, kept)


def _left(place: Path) -> dict[Path, float]:
    """When files left their table, as far as its log tells: seconds since 1970."""
    found: dict[Path, float] = {}
    for entry in sorted((place / LOG).glob("*.json")):
        for line in entry.read_text().splitlines():
            removed: dict[str, Any] | None = json.loads(line).get("remove")
            if removed is not None:
                found[place / unquote(removed["path"])] = removed.get("deletionTimestamp", 0) / 1_000
    return found


def _objects(
    home: Home, frozen: Iterable[Snapshot], batch: Batch | None, before: float, watch: Watch
) -> _Unneeded[str]:
    needed = stored.spoken_of(_needed(home, INSTANCE_FILE.name, frozen))
    # The next run completes a batch that waits.
    share = batch and batch.shares.get(INSTANCE_FILE.name)
    awaited = set(share.rows["path"].to_pylist()) if share else set()
    going, kept = {}, 0
    watch.stage("objects")
    for file in stored.orphans(home, needed):
        watch.advance()
        if file.name in awaited:
            continue
        if file.modified < before:
            going[file.name] = file.size
        else:
            kept += 1
    return _Unneeded(going, kept)


def _unfinished(home: Home) -> Iterator[Path]:
    """What killed processes were writing; nobody writes now."""
    yield from home.objects.glob(f"*{UNFINISHED}")
    for name in TABLES:
        place = home.lake / name
        for folder in (place, place / LOG, *place.glob("bucket=*")):
            yield from folder.glob(f"*{UNFINISHED}")
            yield from folder.glob("*.tmp")  # delta-rs'


def _remove(paths: list[Path], watch: Watch) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        watch.advance()
    for folder in {path.parent for path in paths}:
        sync(folder)


def _both(some: _Unneeded[Path], others: _Unneeded[Path]) -> _Unneeded[Path]:
    return _Unneeded({**some.going, **others.going}, some.kept + others.kept)
