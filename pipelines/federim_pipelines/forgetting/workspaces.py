"""Remove a person from the workspaces of projects, which lie in homes of their own."""

from __future__ import annotations

from federim.home import Home
from federim.identity.rights import Erasure
from federim_pipelines.workspace.settle import have_leave


class EraseWorkspaces:
    """The step of workspaces; those that cannot be reached are counted as pending."""

    name = "workspaces"
    of_projects = True

    def __call__(self, home: Home, erasure: Erasure) -> dict[str, int]:
        done = have_leave(home, erasure.persons, erasure.project)
        return {"rewritten": done.rewritten, "rows": done.rows, "pending": done.pending}
