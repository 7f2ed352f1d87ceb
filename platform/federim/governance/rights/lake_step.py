"""Take a person's rows and objects out of the lake, and out of every snapshot."""

from __future__ import annotations

from typing import Any, Final

from federim.governance.rights.steps import Outcome
from federim.home import Home
from federim.identity.rights import Erasure, Rights
from federim.lake.rewriting import Change, Rewritten, rewrite
from federim.lake.tables import LakeWriter

NAME: Final = "lake"
_TOLD: Final = "lake, told"
SNAPSHOTS: Final = "_snapshots"
"""Under which the outcome has old snapshot → new snapshot, for those who hold what was made of the old."""


class EraseFromLake:
    """The step of the tables, the stored objects and the snapshots."""

    name = NAME

    def __init__(self, rights: Rights, writer: LakeWriter) -> None:
        self._rights = rights
        self._writer = writer

    def __call__(self, home: Home, erasure: Erasure) -> Outcome:
        if not erasure.persons:
            return _outcome(Rewritten(tables={}, files_rewritten=0, snapshots={}, rows_left=0))
        changes = [Change(person_id=person_id, into=None) for person_id in erasure.persons]

        def keep(done: Rewritten) -> None:
            # The lake forgets what it did before this step counts as complete.
            self._rights.note(erasure, _TOLD, _outcome(done))

        done = _outcome(rewrite(home, self._writer, *changes, keep=keep))
        return {**erasure.done.get(_TOLD, done), "rows_left": done["rows_left"]}


def _outcome(done: Rewritten) -> dict[str, Any]:
    return {
        "tables": dict(done.tables),
        "files_rewritten": done.files_rewritten,
        "snapshots": len(done.snapshots),
        "rows_left": done.rows_left,
        SNAPSHOTS: dict(done.snapshots),
    }
