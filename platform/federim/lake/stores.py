"""Where a home keeps de-identified instances."""

from __future__ import annotations

from federim.home import Home
from federim.lake.store import Store
from federim.lake.store_folder import FolderStore


def object_store(home: Home) -> Store:
    """The store of a home's instances."""
    return FolderStore(home.objects)
