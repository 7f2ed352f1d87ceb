"""Where a decoded series is kept: by its snapshot and how it was made, and by no name of anybody's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federim.home import Home
from federim.keys import canonical, keyed
from federim.model.identifiers import Pseudonym
from federim.model.training import Preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How arrays are made: what is done to a series, and the version of the code that does it."""

    preprocessing: Preprocessing
    code: str

    def as_document(self) -> dict[str, Any]:
        """JSON values, the same for recipes that are equal, however a plan wrote its numbers."""
        done = self.preprocessing
        return {
            "modality": done.modality,
            "size": [int(voxels) for voxels in done.size],
            "spacing_mm": [float(step) for step in done.spacing_mm],
            "window": [float(bound) for bound in done.window],
            "code": self.code,
        }

    @property
    def sha256(self) -> str:
        return hashlib.sha256(canonical(self.as_document())).hexdigest()


def of_snapshot(home: Home, sha256: str) -> Path:
    """The folder of all that was decoded of one snapshot, which its sha256 names."""
    return home.arrays / _name(home, "snapshot", sha256)


def of_recipe(home: Home, snapshot_sha256: str, recipe: Recipe) -> Path:
    """The folder of what was decoded of one snapshot in one way."""
    return of_snapshot(home, snapshot_sha256) / _name(home, "recipe", snapshot_sha256, recipe.sha256)


def of_person(home: Home, folder: Path, person_id: Pseudonym) -> Path:
    """A person's folder in one of `of_recipe`; in each a person is called something else."""
    return folder / _name(home, "person", folder.parent.name, folder.name, person_id)


def of_series(home: Home, folder: Path, series: str) -> Path:
    """A series' array in a folder of `of_person`."""
    return folder / _name(home, "series", folder.name, series)


def _name(home: Home, *parts: str) -> str:
    return keyed(home.secret("arrays"), *parts)[:16].hex()
