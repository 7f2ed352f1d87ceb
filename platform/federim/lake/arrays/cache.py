"""Give a series as it was decoded before, or keep it for the next time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federim.home import Home
from federim.lake import snapshot_folder, tombstone
from federim.lake.arrays import kept, names, sealed
from federim.lake.arrays.names import Recipe
from federim.lake.arrays.room import Room, allowed, used
from federim.lake.locks import copying
from federim.lake.snapshot import Snapshot
from federim.lake.storage import disk_may_refuse, private_files, sync
from federim.model.identifiers import Pseudonym


class SeriesCache:
    """The arrays of one snapshot's series, made in one way; any number of processes may use it at once.

    Whether something is kept never changes what training sees: an array that is damaged, or was made of
    other objects, is as if it were not there.
    """

    def __init__(self, home: Home, snapshot: Snapshot, recipe: Recipe) -> None:
        self._home, self._snapshot, self._recipe = home, snapshot, recipe
        self._folder = names.of_recipe(home, snapshot.sha256, recipe)
        self._key = home.secret("seal of arrays")
        self._room = Room(home, allowed(home))
        self._full = False

    @property
    def on(self) -> bool:
        """Whether the site allows arrays any room."""
        return allowed(self._home) > 0

    def get(self, person_id: Pseudonym, series: str, paths: Sequence[str]) -> NDArray[np.float32] | None:
        """The array of a series, shape (slices, rows, columns), if it is kept and of these stored objects."""
        if not self.on:
            return None
        place = self._place(person_id, series)
        found = sealed.read(place, self._attributes(paths), key=self._key)
        if found is not None:
            used(place)
        return found

    def keep(
        self, person_id: Pseudonym, series: str, paths: Sequence[str], voxels: NDArray[np.float32]
    ) -> bool:
        """Keep what a series was decoded to; whether there was room for it, and its snapshot still stands.

        Raises
        ------
        StorageFull
            The disk refuses; no part of the array stays.
        """
        if not self.on or self._full:
            return False
        files = sealed.encoded(voxels, self._attributes(paths), key=self._key)
        place = self._place(person_id, series)
        # Whoever takes a person out waits for this, or was first: then the snapshot stands no more.
        with copying(self._home), disk_may_refuse(), private_files():
            if not self._stands():
                return False
            self._full = not self._room.make(sum(map(len, files.values())), sparing=self._folder)
            if self._full:
                return False
            part = kept.aside(self._home)
            try:
                sealed.write(part, files)
                self._put(part, place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return True

    def _put(self, part: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        kept.remove(self._home, place)  # a damaged one
        with suppress(OSError):  # another process was first and its folder is not empty, or made room here
            part.rename(place)
            sync(place.parent)

    def _place(self, person_id: Pseudonym, series: str) -> Path:
        return names.of_series(self._home, names.of_person(self._home, self._folder, person_id), series)

    def _stands(self) -> bool:
        folder = self._home.snapshots / self._snapshot.id
        return (folder / snapshot_folder.DOCUMENT).exists() and not (folder / tombstone.TOMBSTONE).exists()

    def _attributes(self, paths: Sequence[str]) -> dict[str, Any]:
        """What the array says of itself."""
        recipe = self._recipe.as_document()
        return {
            "axes": list(sealed.AXES),
            "shape": recipe["size"],
            "spacing_mm": recipe["spacing_mm"],
            "dtype": "float32",
            "unit": "1",
            "window": recipe["window"],
            "window_unit": "HU" if recipe["modality"] == "CT" else "as the modality transform gives",
            "recipe": self._recipe.sha256,
            "objects": [PurePath(path).stem for path in paths],
        }
