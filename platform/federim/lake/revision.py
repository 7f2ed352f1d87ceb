"""Write a snapshot anew without some persons, or with other rows in the place of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import snapshot, snapshot_folder
from federim.lake.declaration import Table
from federim.lake.person_rows import Copies, Copy, write_buckets
from federim.lake.prepare import placed
from federim.lake.replacement import Buckets, Fate, Replacement, replacements
from federim.lake.schema import TABLES
from federim.lake.snapshot import Snapshot
from federim.lake.snapshot_folder import PinnedFile
from federim.lake.snapshot_tables import MEMBERS, SNAPSHOT_TABLES


def revise(home: Home, frozen: Snapshot, into: Mapping[str, Fate], *, copies: Copies) -> Snapshot | None:
    """A snapshot like `frozen`, of the same moment, in which persons are changed; None where none is in it.

    Its definition and its other persons' rows are the same. What it pins of files that hold the persons are
    copies beside them. The same again gives the same.

    Parameters
    ----------
    into : by person
        See `replacement.replacements`.
    """
    bucket_key = home.secret("bucket")
    members = _members_files(home, frozen)
    changes = _changes(home, frozen, into)
    if not any(change.changes for change in changes.values()):
        return None
    content, sha256, created_at = snapshot_folder.read(home.snapshots / frozen.id)
    with snapshot_folder.unfinished(home, frozen.id) as part:
        stay = {table.name: _members(table, members[table.name], changes[table.name]) for table in MEMBERS}
        revised = {
            **content,
            "revises": sha256,
            "persons": stay["cohort_person"].num_rows,
            "series": stay["cohort_series"].num_rows,
            "members": {
                table.name: snapshot_folder.write_members(part, table, stay[table.name]) for table in MEMBERS
            },
            "files": [asdict(pinned) for pinned in _pinned(home, frozen, changes, bucket_key, copies)],
        }
        return snapshot.read(snapshot_folder.publish(home, part, revised, created_at=created_at))


def concerns(home: Home, frozen: Snapshot, into: Mapping[str, Fate]) -> bool:
    """Whether `revise` would put another snapshot in the place of this one."""
    return any(change.changes for change in _changes(home, frozen, into).values())


def _changes(home: Home, frozen: Snapshot, into: Mapping[str, Fate]) -> dict[str, Replacement]:
    files = {**_members_files(home, frozen), **_present(home, frozen)}
    return replacements(SNAPSHOT_TABLES.values(), files, into, Buckets(home.secret("bucket")))


def _members_files(home: Home, frozen: Snapshot) -> dict[str, list[Path]]:
    return {table.name: [home.snapshots / frozen.id / f"{table.name}.parquet"] for table in MEMBERS}


def _present(home: Home, frozen: Snapshot) -> dict[str, list[Path]]:
    """The lake files that a snapshot pins, by table, without those that are gone from the lake."""
    files: dict[str, list[Path]] = {}
    for pinned in frozen.files:
        path = home.lake / pinned.path
        if path.is_file():
            files.setdefault(pinned.table, []).append(path)
    return files


def _members(table: Table, files: Iterable[Path], change: Replacement) -> pa.Table:
    """The members there were but for the persons leaving, and those who come."""
    [path] = files
    rows = pq.read_table(path, partitioning=None)
    stay = rows.filter(pc.invert(pc.is_in(rows["person_id"], pa.array(sorted(change.leaving), pa.string()))))
    members = pa.concat_tables([stay.cast(change.rows.schema), change.rows])
    return members.sort_by([(name, "ascending") for name in table.sort])


def _pinned(
    home: Home, frozen: Snapshot, changes: Mapping[str, Replacement], bucket_key: bytes, copies: Copies
) -> Iterator[PinnedFile]:
    by_table: dict[str, list[PinnedFile]] = {}
    for pinned in frozen.files:
        by_table.setdefault(pinned.table, []).append(pinned)
    for name, files in by_table.items():
        change = changes[name]
        stay = [pinned for pinned in files if home.lake / pinned.path not in change.files]
        made = [copies.without(path, change.leaving) for path in change.files]
        made += write_buckets(home.lake / name, placed(TABLES[name], change.rows, bucket_key))
        new = {copy.path: _pin(home, copy) for copy in made if copy is not None}
        yield from sorted([*stay, *new.values()], key=lambda pinned: pinned.path)


def _pin(home: Home, copy: Copy) -> PinnedFile:
    return PinnedFile(copy.path.relative_to(home.lake).as_posix(), copy.sha256, copy.rows)
