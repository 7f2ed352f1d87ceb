"""Tell how far apart parallel slices are, where some of them were left out because they are empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

SAME_PLACE_MM: Final = 0.01  # positions are written with two decimals at worst
_OFF_THE_GRID: Final = 0.1  # of a spacing: what rounding of positions and spacing explains


def spacing_mm(
    offsets: Iterable[float], told: float | None = None, thickness: float | None = None
) -> float | None:
    """The distance in mm between neighbouring slices that lie at `offsets` along their common normal.

    It is the distance `told`; else the smallest gap, unless slices of this `thickness` fill every gap, which
    then only lacks empty ones; else, of a single slice, its thickness. None where nothing tells it, or the
    slices do not lie on one grid of that spacing.
    """
    places = distinct(offsets)
    gaps = np.diff(places)
    candidates = (told, thickness, float(gaps.min()) if gaps.size else None)
    for spacing in candidates:
        if spacing is not None and spacing > SAME_PLACE_MM and _on_grid(gaps, spacing):
            return spacing
    return None


def distinct(offsets: Iterable[float]) -> list[float]:
    """Places in ascending order, each once however often it is given."""
    kept: list[float] = []
    for offset in sorted(offsets):
        if not kept or offset - kept[-1] > SAME_PLACE_MM:
            kept.append(offset)
    return kept


def _on_grid(gaps: np.ndarray, spacing: float) -> bool:
    steps = gaps / spacing
    return bool(np.all(np.abs(steps - np.rint(steps)) < _OFF_THE_GRID) and np.all(np.rint(steps) >= 1))
