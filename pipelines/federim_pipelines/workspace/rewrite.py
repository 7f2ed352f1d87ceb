"""Take persons out of a workspace that stands: rows, objects, and a new signature over the rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim import key_rotation
from federim.home import Home
from federim.lake import images
from federim.lake import workspace as workspaces
from federim.lake.snapshot_folder import PinnedFile
from federim.lake.storage import disk_may_refuse, sync
from federim.lake.workspace_tables import WITH_PIXELS
from federim.model.errors import VerificationFailed
from federim.model.identifiers import Pseudonym
from federim_pipelines.workspace import document, files
from federim_pipelines.workspace.register import Registered


def take_out(home: Home, registered: Registered, gone: Collection[Pseudonym]) -> int:
    """Rewrite a workspace without persons, who are named as it names them; returns the rows that left.

    Killed anywhere, the same call completes it: objects go first, and files that nothing lists go last.

    Raises
    ------
    HomeError, NotApproved, VerificationFailed
        No workspace is there, or another one, or it is not as this site signed it: what somebody changed is
        not signed anew.
    StorageFull
        The disk refuses.
    """
    there = Home.open(registered.place)
    stands = workspaces.read(there, roots=home.trust_roots)
    if stands.id != registered.id:
        raise VerificationFailed("another workspace stands where this one was built; bring it back")
    workspaces.check_files(there, stands)
    kept, rows, objects = _without(there, stands, gone)
    if rows:
        anew = replace(
            stands, revision=stands.revision + 1, files=tuple(kept), objects=stands.objects - objects
        )
        with disk_may_refuse():
            _follow_rotations(home, there)
            document.write(home, there.root, anew)
    _drop_unlisted(there, {each.path for each in kept})
    return rows


def _without(
    there: Home, stands: workspaces.Workspace, gone: Collection[Pseudonym]
) -> tuple[list[PinnedFile], int, int]:
    """The files as they are to be listed, and how many rows and objects left."""
    theirs = pa.array(sorted(gone), pa.string())
    kept: list[PinnedFile] = []
    rows = objects = 0
    for pinned in stands.files:
        file = pq.ParquetFile(there.root / pinned.path)
        leaves = pc.is_in(file.read(["person_id"])["person_id"], value_set=theirs)
        if not pc.any(leaves).as_py():
            kept.append(pinned)
            continue
        held = file.read()
        left = held.filter(pc.invert(leaves))
        rows += held.num_rows - left.num_rows
        table = stands.declared[workspaces.table_of(pinned.path)]
        if table.name == WITH_PIXELS:
            for path in held.filter(leaves)["path"].to_pylist():
                images.discard(there, path)
                objects += 1
        if left.num_rows:
            path = files.revised(pinned.path, stands.revision + 1)
            kept.append(files.write(there, path, left))
    return kept, rows, objects


def _follow_rotations(home: Home, there: Home) -> None:
    """Have the workspace know the key its site signs with now, by the statements of those before it."""
    for statement in [key.statement for key in reversed(home.trust_roots.own) if key.statement]:
        if any(root.current and root.public == statement["previous"] for root in there.trust_roots.roots):
            there.change_trust(partial(key_rotation.apply, statement=statement))


def _drop_unlisted(there: Home, listed: Collection[str]) -> None:
    for path in there.lake.glob("*/*"):
        if path.relative_to(there.root).as_posix() not in listed:
            path.unlink()
            sync(path.parent)
