"""Take a person's rows and objects out of the lake, and out of every snapshot."""

from __future__ import annotations

from typing import Final

from federim.governance.rights.steps import Outcome, Scene
from federim.identity.rights import Erasure
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import Lake

NAME: Final = "lake"
SNAPSHOTS: Final = "_snapshots"
"""Under which the outcome has old snapshot → new snapshot, for those who hold what was made of the old."""


class EraseFromLake:
    """The step of the tables, the stored objects and the snapshots."""

    name = NAME

    def __call__(self, scene: Scene, erasure: Erasure) -> Outcome:
        if not erasure.persons:
            return {"tables": {}, "files_rewritten": 0, "snapshots": 0, "rows_left": 0, SNAPSHOTS: {}}
        changes = [Change(person_id=person_id, into=None) for person_id in erasure.persons]
        with Lake(scene.home).writing() as writer:
            done = rewrite(scene.home, writer, *changes)
        return {
            "tables": dict(done.tables),
            "files_rewritten": done.files_rewritten,
            "snapshots": len(done.snapshots),
            "rows_left": done.rows_left,
            SNAPSHOTS: dict(done.snapshots),
        }
