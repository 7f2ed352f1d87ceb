"""Write what a site signs of a workspace it built."""

from __future__ import annotations

import json
from pathlib import Path

from federim import signed
from federim.home import Home
from federim.keys import replace_private
from federim.lake.storage import disk_may_refuse
from federim.lake.workspace import DOCUMENT, KIND, Workspace
from federim_pipelines.workspace.files import seal


def write(home: Home, folder: Path, workspace: Workspace) -> None:
    """Put `workspace.json`, signed by the site's home, into the workspace's, whole or not at all.

    Raises
    ------
    StorageFull
        The disk refuses.
    """
    told = signed.sign(home, KIND, workspace.as_document())
    with disk_may_refuse():
        replace_private(folder / DOCUMENT, json.dumps(told, indent=1, sort_keys=True).encode())
        seal(folder / DOCUMENT)
