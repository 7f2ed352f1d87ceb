"""Rows of a segmentation: what each segment is, how many voxels it has and what volume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import numpy as np
from pydicom import Dataset

from federim_pipelines.extract.annotations.annotated import Annotated, TableRow, keyed_only
from federim_pipelines.extract.annotations.coded import concept_of, number, public_code, word
from federim_pipelines.extract.annotations.frames import Frames, Undecodable, pixels
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

_BACKGROUND: Final = ("DCM", "125040")
_TILED: Final = "TILED_FULL"


def rows(annotated: Annotated) -> Iterator[TableRow]:
    """A row a segment; the background of a label map is none.

    Raises
    ------
    Unusable
        A segment has no number, or a frame no segment.

    References
    ----------
    DICOM PS3.3, C.8.20.2 (Segmentation Image Module).
    """
    header = annotated.header
    frames = Frames.of(header)
    segments = {_number_of(item): item for item in header.get("SegmentSequence") or ()}
    voxel = frames.voxel_mm3()
    counts: Counter[int] | None = None
    with suppress(Undecodable):
        counts = _voxels(annotated, frames, sorted(segments))
    source = _source_series(header)
    for place, item in segments.items():
        if concept_of(item.get("SegmentedPropertyTypeCodeSequence")) == _BACKGROUND:
            continue
        region = (item.get("AnatomicRegionSequence") or [Dataset()])[0]
        kind = (item.get("SegmentedPropertyTypeCodeSequence") or [Dataset()])[0]
        side = region.get("AnatomicRegionModifierSequence") or kind.get(
            "SegmentedPropertyTypeModifierCodeSequence"
        )
        yield annotated.segment(
            place,
            SegmentLabel=word(item, "SegmentLabel"),
            category_code=public_code(item.get("SegmentedPropertyCategoryCodeSequence")),
            type_code=public_code(item.get("SegmentedPropertyTypeCodeSequence")),
            anatomic_region_code=public_code(item.get("AnatomicRegionSequence")),
            laterality_code=public_code(side),
            SegmentAlgorithmType=word(item, "SegmentAlgorithmType"),
            voxel_count=None if counts is None else counts[place],
            volume_mm3=None if counts is None or voxel is None else counts[place] * voxel,
            TrackingUID=keyed_only(item.get("TrackingUID")),
            source_SeriesInstanceUID=source,
        )


def _voxels(annotated: Annotated, frames: Frames, segments: list[int]) -> Counter[int]:
    """How many voxels are inside each segment.

    Of a fractional segmentation those whose value is half the maximum or more.
    """
    header = annotated.header
    kind = word(header, "SegmentationType")
    counts: Counter[int] = Counter()
    half = (number(header, "MaximumFractionalValue") or 1) / 2 if kind == "FRACTIONAL" else 1
    count = int(number(header, "NumberOfFrames") or 1)
    for place, frame in enumerate(pixels(annotated.path)):
        if kind == "LABELMAP":
            values, inside = np.unique(frame, return_counts=True)
            counts.update(dict(zip(values.tolist(), inside.tolist(), strict=True)))
        else:
            segment = _segment_of(header, frames, place, count, segments)
            counts[segment] += int(np.count_nonzero(frame >= half))
    return counts


def _segment_of(header: Dataset, frames: Frames, place: int, count: int, segments: list[int]) -> int:
    """Which segment a frame shows.

    Tiles that are all there say no more than their order: segment after segment (PS3.3, C.7.6.17.3).
    """
    if word(header, "DimensionOrganizationType") == _TILED:
        return segments[place * len(segments) // count]
    segment = number(frames.macro(place, "SegmentIdentificationSequence"), "ReferencedSegmentNumber")
    if segment is None or int(segment) not in segments:
        raise Unusable(Reason.VALUE_UNUSABLE, f"ReferencedSegmentNumber (0062,000B), frame {place + 1}")
    return int(segment)


def _number_of(item: Dataset) -> int:
    found = number(item, "SegmentNumber")
    if found is None:
        raise Unusable(Reason.VALUE_UNUSABLE, "SegmentNumber (0062,0004)")
    return int(found)


def _source_series(header: Dataset) -> str | None:
    """The series a segmentation was drawn on, if it is one."""
    series = {
        keyed_only(item.get("SeriesInstanceUID")) for item in header.get("ReferencedSeriesSequence") or ()
    }
    return series.pop() if len(series) == 1 else None
