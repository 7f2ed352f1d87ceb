"""Read where the frames of a multi-frame object lie, and their pixels one frame at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.utils import iter_pixels

from federim_pipelines.extract.annotations.coded import number, numbers
from federim_pipelines.extract.annotations.slices import spacing_mm


class Undecodable(Exception):
    """No decoder here reads the pixels of an object; it enters all the same, without what they would tell."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The functional groups of an object's frames (PS3.3, C.7.6.16)."""

    shared: Dataset
    own: tuple[Dataset, ...]  # none where all is shared

    @classmethod
    def of(cls, header: Dataset) -> Frames:
        """The frames of an object."""
        shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
        return cls(shared, tuple(header.get("PerFrameFunctionalGroupsSequence") or ()))

    def macro(self, frame: int, sequence: str) -> Dataset:
        """The item of a functional group that holds for a frame, counted from 0; empty if there is none."""
        groups = (self.own[frame], self.shared) if frame < len(self.own) else (self.shared,)
        for group in groups:
            if items := group.get(sequence):
                found: Dataset = items[0]
                return found
        return Dataset()

    def voxel_mm3(self) -> float | None:
        """The volume of a voxel; None where frames are not parallel slices of a patient on one grid."""
        count = max(len(self.own), 1)
        measures = self.macro(0, "PixelMeasuresSequence")
        spacing = numbers(measures, "PixelSpacing", 2)
        orientation = numbers(self.macro(0, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
        if spacing is None or orientation is None:
            return None
        normal = np.cross(orientation[:3], orientation[3:])
        offsets = []
        for frame in range(count):
            position = numbers(self.macro(frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
            if position is None or not self._like_the_first(frame, spacing, orientation):
                return None
            offsets.append(float(np.dot(normal, position)))
        between = spacing_mm(
            offsets, number(measures, "SpacingBetweenSlices"), number(measures, "SliceThickness")
        )
        return None if between is None else spacing[0] * spacing[1] * between

    def _like_the_first(self, frame: int, spacing: tuple[float, ...], orientation: tuple[float, ...]) -> bool:
        return (
            numbers(self.macro(frame, "PixelMeasuresSequence"), "PixelSpacing", 2) == spacing
            and numbers(self.macro(frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
            == orientation
        )


def pixels(path: Path) -> Iterator[NDArray[Any]]:
    """The stored values of each frame, shape (rows, columns), in the order of the file.

    Raises
    ------
    Undecodable
        Of a later frame too.
    """
    try:
        yield from iter_pixels(path, raw=True)
    except Exception:  # decoders raise many kinds, and their texts may quote the file
        raise Undecodable from None
