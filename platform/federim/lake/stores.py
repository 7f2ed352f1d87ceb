"""Where a home keeps de-identified instances."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache

from federim.home import Home, Role
from federim.lake.store import Store
from federim.lake.store_folder import FolderStore
from federim.model.errors import HomeError


def object_store(home: Home) -> Store:
    """The store of a home's instances.

    A site's `objects_url` is the site's: a workspace built beside it has its instances in its folder.

    Raises
    ------
    HomeError
        A bucket cannot be used as the settings say, or the home's folder has instances that it has not.
    """
    if home.settings.objects_url and home.settings.role is Role.SITE:
        return _in_bucket(home, os.getpid(), _credentials_of(home))
    return FolderStore(home.objects)


def _credentials_of(home: Home) -> int:
    """When the file of credentials was written: a service goes on with new ones, without a restart."""
    with suppress(OSError):  # which opening the bucket says
        return (home.root / home.settings.s3_credentials).stat().st_mtime_ns
    return 0


@lru_cache(maxsize=8)
def _in_bucket(home: Home, process: int, credentials: int) -> Store:  # noqa: ARG001 — connections are theirs
    if home.objects.is_dir() and any(home.objects.glob("*/*/*")):
        raise HomeError(
            "objects_url is set, and the home's folder objects has instances: copy them to the bucket under "
            "the same names, then empty the folder"
        )
    # Only here: most homes have no bucket, and would wait for these libraries all the same.
    from federim.lake.bucket import bucket_of
    from federim.lake.copies import ObjectCopies
    from federim.lake.store_bucket import BucketStore

    return BucketStore(
        bucket_of(home, home.settings.objects_url),
        ObjectCopies(home.object_copies, home.settings.objects_copies_gb * 10**9),
        owner=home.secret("objects").hex(),
    )
