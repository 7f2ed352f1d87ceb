"""The granted instances as a project's: each re-keyed, its pixels untouched, under its new content's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pyarrow as pa

from federim.home import Home
from federim.lake import images
from federim.lake.images import StoredObject
from federim.model.identifiers import Pseudonym
from federim_pipelines.deidentify.dispositions import Dispositions, load_dispositions
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.quiet import quiet
from federim_pipelines.deidentify.reading import Source
from federim_pipelines.deidentify.rekey import Rekey
from federim_pipelines.progress import Watch
from federim_pipelines.workspace.hop import ProjectHop

# Most of the time of an object is the disk's, which takes many at once as gladly as one.
AT_ONCE: Final = 8
QUEUED: Final = 1_000


class ProjectObjects:
    """Copies objects of a site's home into a workspace's.

    Parameters
    ----------
    held : SeriesInstanceUIDs of the lake
        Series that may show a face, whose objects stay.
    dispositions : path
        The site's word on private attributes, under which the objects were made.
    """

    def __init__(
        self, home: Home, workspace: Home, *, held: Collection[str], dispositions: Path | None
    ) -> None:
        self._home = home
        self._workspace = workspace
        self._held = held
        self._private = PrivateRules(
            Dispositions() if dispositions is None else load_dispositions(dispositions)
        )
        self.count = 0
        self.left_held = 0

    def __call__(
        self, files: pa.Table, hops: Mapping[Pseudonym, ProjectHop], watch: Watch
    ) -> dict[str, StoredObject]:
        """The objects that rows of `instance_file` list, by their path in the lake, once they are copied.

        Raises
        ------
        LakeError
            An object of the lake is missing or damaged.
        StorageFull
            The disk refuses.
        """
        rekeys = {person_id: Rekey(hop, self._private) for person_id, hop in hops.items()}
        columns = [files[name].to_pylist() for name in ("person_id", "SeriesInstanceUID", "path")]
        told = list(zip(*columns, strict=True))
        free = [(rekeys[person_id], path) for person_id, series, path in told if series not in self._held]
        stored: dict[str, StoredObject] = {}
        # Quiet around them all: pydicom's settings are the process's, and each thread sets and resets them.
        with quiet(), ThreadPoolExecutor(AT_ONCE) as pool:
            for first in range(0, len(free), QUEUED):
                some = free[first : first + QUEUED]
                for (_, path), made in zip(some, pool.map(self._copied, some), strict=True):
                    stored[path] = made
                    watch.advance()
        self.count += len(free)
        self.left_held += len(told) - len(free)
        return stored

    def _copied(self, what: tuple[Rekey, str]) -> StoredObject:
        rekey, path = what
        with rekey.object(Source.of(images.read(self._home, path))) as made:
            return images.store(self._workspace, made)
