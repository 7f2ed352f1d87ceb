"""Say where every frame of an image lies in the patient, in how many numbers its header takes for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.multiplicity import values_of

# What places a slice, in the order of a row of `places`, each by its columns in table `instance`.
PLACE_COLUMNS: Final = (
    *("ImagePositionX", "ImagePositionY", "ImagePositionZ"),
    *("ImageOrientationRowX", "ImageOrientationRowY", "ImageOrientationRowZ"),
    *("ImageOrientationColumnX", "ImageOrientationColumnY", "ImageOrientationColumnZ"),
    *("PixelSpacingRow", "PixelSpacingColumn"),
    *("Rows", "Columns"),
)

# Each attribute, how many values it has, and the functional group an enhanced object keeps it in.
_PLACING: Final = (
    ("ImagePositionPatient", 3, "PlanePositionSequence"),
    ("ImageOrientationPatient", 6, "PlaneOrientationSequence"),
    ("PixelSpacing", 2, "PixelMeasuresSequence"),
    ("Rows", 1, ""),
    ("Columns", 1, ""),
)
_OFFSETS: Final = "GridFrameOffsetVector"


def places(clean: Attributes) -> NDArray[np.float64]:
    """Where each frame of an image is, one row a frame.

    Parameters
    ----------
    clean : Attributes
        Header of a single-frame image, of an enhanced object with its functional groups, or of a dose grid.

    Returns
    -------
    NDArray[np.float64], shape (frames, 13)
        The columns of `PLACE_COLUMNS`: position of the first voxel's centre (mm), direction cosines of a row
        and of a column, distance between rows and between columns (mm), rows, columns. NaN where the header
        does not say.

    References
    ----------
    DICOM PS3.3, C.7.6.2 (Image Plane), C.7.6.16.2 (functional groups), C.8.8.3.2 (Grid Frame Offset Vector).
    """
    shared = _first(clean, "SharedFunctionalGroupsSequence")
    frames: list[Attributes | None] = list(clean.get("PerFrameFunctionalGroupsSequence") or ()) or [None]
    rows = np.array([_place(clean, shared, frame) for frame in frames], dtype=np.float64)
    offsets = _numbers(clean.get(_OFFSETS))
    return _along_the_grid(rows[0], np.array(offsets)) if len(offsets) > 1 else rows


def _place(clean: Attributes, shared: Attributes | None, frame: Attributes | None) -> list[float]:
    row: list[float] = []
    for keyword, count, macro in _PLACING:
        row += next(
            (numbers for numbers in _told(clean, shared, frame, keyword, macro) if len(numbers) == count),
            [math.nan] * count,
        )
    return row


def _told(
    clean: Attributes, shared: Attributes | None, frame: Attributes | None, keyword: str, macro: str
) -> Iterator[list[float]]:
    """An attribute's values wherever they may stand, the frame's own first."""
    for group in (frame, shared):
        if group is not None and macro:
            measures = _first(group, macro)
            if measures is not None:
                yield _numbers(measures.get(keyword))
    yield _numbers(clean.get(keyword))


def _along_the_grid(first: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The planes of a dose grid; offsets that do not begin at 0 are positions along the patient's z."""
    normal = np.cross(first[3:6], first[6:9])
    steps = offsets - offsets[0] if offsets[0] == 0 else (offsets - first[2]) * np.sign(normal[2])
    rows = np.tile(first, (len(offsets), 1))
    rows[:, :3] += steps[:, None] * normal
    return rows


def _first(attributes: Attributes, keyword: str) -> Attributes | None:
    items = attributes.get(keyword) or ()
    return items[0] if items else None


def _numbers(value: Any) -> list[float]:
    """The values of an attribute as finite numbers; none where one of them is no such."""
    try:
        numbers = [float(part) for part in values_of(value)]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
