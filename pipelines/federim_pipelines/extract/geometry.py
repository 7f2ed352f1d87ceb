"""Judge whether the slices of a series make one regular volume, and which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from federim_pipelines.items import Row

Vectors = NDArray[np.float64]

# How far a slice may lie from its place in a regular volume: along the stack, as dcm2niix and the Imaging
# Data Commons take it, and across it. A fixed tolerance alone would let slices of a small animal's scan,
# some tenths of a millimetre apart, lie anywhere: a quarter of their distance is the most.
ALONG_MM: Final = 0.2
ALONG_SHARE: Final = 0.25
ACROSS_MM: Final = 0.1
# Cosines are written with six digits or more; IDC lets the cross product differ from a unit vector by 0.01.
COSINE: Final = 1e-3
UNIT: Final = 0.01
# Spacing that differs by less is the same number rounded elsewhere; so are positions a micrometre apart.
SPACING_SHARE: Final = 1e-4
DECIMALS: Final = 3


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the slices of one series lie; `affine`, shape (3, 4), is that of a regular volume."""

    slices: int
    regular: bool
    spacing_mm: float | None
    single_orientation: bool
    orthogonal: bool
    single_size: bool
    duplicate_positions: int
    missing_slices: int | None
    affine: Vectors | None = field(repr=False)

    def columns(self) -> Row:
        """The columns of table `volume_geometry` but its identifiers."""
        named = {name: getattr(self, name) for name in _NAMES}
        return named | {
            f"affine_{row}{column}": None if self.affine is None else float(self.affine[row, column])
            for row in range(3)
            for column in range(4)
        }


_NAMES: Final = (
    *("slices", "regular", "spacing_mm", "single_orientation", "orthogonal", "single_size"),
    *("duplicate_positions", "missing_slices"),
)


def measure(places: Vectors) -> Geometry | None:
    """How slices lie to each other; None if no header says where any of them is.

    Parameters
    ----------
    places : NDArray[np.float64], shape (slices, 13)
        As `frames.places` gives them, in any order. Slices with a NaN are counted, keep the volume from
        being regular, and are left out of everything else.

    Returns
    -------
    Geometry
        The affine takes (column, row, slice, 1), indices from 0, to (x, y, z) in mm, x to the patient's left,
        y to the back, z to the head. Slices are counted in the direction of the cross product of row and
        column, so the three axes are right-handed.

    References
    ----------
    DICOM PS3.3, C.7.6.2.1.1, equation C.7.6.2.1-1. Imaging Data Commons, table volume_geometry_index, whose
    flags these are; its two tests of in-plane position and the one of the cosines are together `orthogonal`.
    """
    placed = places[~np.isnan(places).any(axis=1)]
    if not len(placed):
        return None
    positions, rows, columns = placed[:, :3], placed[:, 3:6], placed[:, 6:9]
    directions, sizes = placed[:, 3:9], placed[:, 9:]
    parallel = bool(np.allclose(directions, directions[0], rtol=0, atol=COSINE))
    lengths = np.linalg.norm(np.cross(rows, columns), axis=1)
    perpendicular = bool(np.all(np.abs(lengths - 1) <= UNIT))
    stacked = parallel and bool(np.all(np.ptp(positions @ directions[0].reshape(2, 3).T, axis=0) < ACROSS_MM))
    single_size = bool(np.allclose(sizes, sizes[0], rtol=SPACING_SHARE, atol=0))
    distinct = _distinct(placed[:, :9])
    stack = _Stack.of(positions[distinct], np.cross(rows[0], columns[0])) if parallel else None
    regular = (
        len(placed) == len(places) == len(distinct)
        and perpendicular
        and stacked
        and single_size
        and stack is not None
        and stack.even
    )
    return Geometry(
        slices=len(places),
        regular=regular,
        spacing_mm=None if stack is None else stack.spacing,
        single_orientation=parallel,
        orthogonal=perpendicular and stacked,
        single_size=single_size,
        duplicate_positions=len(placed) - len(distinct),
        missing_slices=None if stack is None else stack.missing,
        affine=_affine(placed[0], stack) if regular and stack is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Stack:
    """Parallel slices in the order of their normal, two or more of them."""

    positions: Vectors
    spacing: float
    even: bool
    missing: int

    @classmethod
    def of(cls, positions: Vectors, normal: Vectors) -> _Stack | None:
        """Slices at distinct places; None if they are one, or all in one plane."""
        heights = positions @ normal
        order = np.argsort(heights, kind="stable")
        heights, count = heights[order], len(order)
        gaps = np.diff(heights)
        spacing = float(np.median(gaps)) if count > 1 else 0.0
        if spacing <= 10**-DECIMALS:
            return None
        step = (heights[-1] - heights[0]) / (count - 1)
        tolerance = min(ALONG_MM, ALONG_SHARE * spacing)
        # Gaps that are each a little too wide add up: a slice must also lie where the affine puts it.
        astray = np.abs(heights - (heights[0] + step * np.arange(count)))
        even = bool(np.all(np.abs(gaps - step) < tolerance) and np.all(astray < tolerance))
        missing = np.maximum(np.rint(gaps / spacing) - 1, 0).sum()
        return cls(positions[order], spacing, even, int(missing))


def _distinct(where: Vectors) -> NDArray[np.intp]:
    """The first slice at each place and orientation."""
    _, first = np.unique(np.round(where, DECIMALS), axis=0, return_index=True)
    return first


def _affine(first: Vectors, stack: _Stack) -> Vectors:
    row, column, between_rows, between_columns = first[3:6], first[6:9], first[9], first[10]
    step = (stack.positions[-1] - stack.positions[0]) / (len(stack.positions) - 1)
    return np.column_stack((row * between_columns, column * between_rows, step, stack.positions[0]))
