"""A snapshot by name alone, and series of noise that were decoded of it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from federim.home import Home
from federim.lake.arrays.cache import SeriesCache
from federim.lake.arrays.names import Recipe
from federim.lake.snapshot import Snapshot
from federim.lake.snapshot_folder import DOCUMENT
from federim.model.identifiers import Pseudonym
from federim.model.training import Preprocessing

SIZE = (12, 16, 20)
RECIPE = Recipe(
    preprocessing=Preprocessing(
        modality="CT", size=SIZE, spacing_mm=(5.0, 2.0, 2.0), window=(-1000.0, 400.0)
    ),
    code="0" * 64,
)


def snapshot_of(home: Home, name: str) -> Snapshot:
    """A snapshot that stands: of it, a cache asks for no more than its id and sha256."""
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    frozen = Snapshot(
        id=name, cohort=name, sha256=sha256, persons=0, series=0, files=(), sql="", created_at=""
    )
    (home.snapshots / name).mkdir(exist_ok=True)
    (home.snapshots / name / DOCUMENT).touch()
    return frozen


def person(number: int) -> Pseudonym:
    return Pseudonym(hashlib.md5(f"person {number}".encode()).hexdigest())


def series(number: int) -> tuple[Pseudonym, str, list[str]]:
    """Whose it is, its UID, and where its objects lie: two series a person."""
    digests = [hashlib.sha256(f"{number} {each}".encode()).hexdigest() for each in range(3)]
    return person(number // 2), f"2.25.{10**30 + number}", [f"{each[:2]}/{each}.dcm" for each in digests]


def voxels(number: int) -> NDArray[np.float32]:
    return np.random.default_rng(number).random(SIZE, np.float32)


def fill(home: Home, name: str, count: int, recipe: Recipe = RECIPE) -> list[bool]:
    cache = SeriesCache(home, snapshot_of(home, name), recipe)
    return [cache.keep(*series(number), voxels(number)) for number in range(count)]


if __name__ == "__main__":
    fill(Home.open(Path(sys.argv[1])), "one", int(sys.argv[2]))
