"""Compute the volume that closed planar contours enclose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from federim_pipelines.extract.annotations.slices import SAME_PLACE_MM, distinct

Points = NDArray[np.float64]

_PARALLEL: Final = 1e-3  # of a unit normal: a twentieth of a degree
_FLAT_MM: Final = 0.1  # how far a point may lie off its contour's plane


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """A polygon in its own plane."""

    normal: Points  # shape (3,), its first component that is not 0 positive
    offset: float  # of the plane along the normal, mm
    outline: Points  # shape (points, 2), mm
    area: float  # mm²

    @classmethod
    def of(cls, points: Points) -> Contour | None:
        """The polygon through points of shape (n, 3) in mm; None if they are not in one plane."""
        if len(points) < 3:
            return None
        centred = points - points.mean(axis=0)
        twice = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)  # Newell: normal times area × 2
        length = float(np.linalg.norm(twice))
        if length == 0.0:
            return None
        normal = twice / length
        if normal[np.argmax(np.abs(normal) > _PARALLEL)] < 0:
            normal = -normal
        if np.abs(centred @ normal).max() > _FLAT_MM:
            return None
        along = np.eye(3)[np.argmin(np.abs(normal))]
        first = np.cross(normal, along)
        first /= np.linalg.norm(first)
        outline = points @ np.stack([first, np.cross(normal, first)]).T
        return cls(normal, float(points.mean(axis=0) @ normal), outline, length / 2)

    def is_parallel_to(self, other: Contour) -> bool:
        """Whether both lie in parallel planes."""
        return bool(np.abs(self.normal - other.normal).max() < _PARALLEL)

    def holds(self, point: Points) -> bool:
        """Whether a point of the same plane, shape (2,), is inside: by the even-odd rule."""
        (x, y), start = point, self.outline
        end = np.roll(start, -1, axis=0)
        crosses = (start[:, 1] > y) != (end[:, 1] > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = start[:, 0] + (y - start[:, 1]) * (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
        return bool(np.count_nonzero(crosses & (x < at)) % 2)


def volume_mm3(contours: Sequence[Contour | None], spacing: float | None) -> float | None:
    """The volume of slabs of one thickness under the contours; a contour within another cuts a hole.

    Parameters
    ----------
    contours : sequence
        Of one region; None stands for one that cannot be read.
    spacing : float, optional
        Distance between neighbouring planes in mm.

    Returns
    -------
    float or None
        None if a contour cannot be read, or they are not parallel, or nothing tells their distance.

    References
    ----------
    DICOM PS3.3, C.8.8.6.3 (inner and outer contours).
    """
    read = [contour for contour in contours if contour is not None]
    if spacing is None or not read or len(read) < len(contours):
        return None
    if not all(map(read[0].is_parallel_to, read)):
        return None
    planes: dict[int, list[Contour]] = defaultdict(list)
    places = distinct(contour.offset for contour in read)
    for contour in read:
        planes[int(np.searchsorted(places, contour.offset + SAME_PLACE_MM)) - 1].append(contour)
    return spacing * sum(map(_area, planes.values()))


def _area(plane: Sequence[Contour]) -> float:
    """What the contours of one plane enclose, each second one inside another taken away."""
    area = 0.0
    for contour in plane:
        around = sum(other.holds(contour.outline[0]) for other in plane if other is not contour)
        area += -contour.area if around % 2 else contour.area
    return max(area, 0.0)
