"""Rows of an RT structure set: what each region of interest is, and the volume of its contours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from pydicom import Dataset

from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.extract.annotations.annotated import Annotated, TableRow, keyed_only
from federim_pipelines.extract.annotations.coded import number, public_code, word
from federim_pipelines.extract.annotations.contours import Contour, volume_mm3
from federim_pipelines.extract.annotations.slices import distinct, spacing_mm
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

_CLOSED: Final = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})


def rows(annotated: Annotated) -> Iterator[TableRow]:
    """A row a region. Its name is what the text policy left of it.

    Raises
    ------
    Unusable
        A region has no number.

    References
    ----------
    DICOM PS3.3, C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour) and C.8.8.8 (RT ROI Observations).
    """
    header = annotated.header
    contours = {
        _number_of(item, "ReferencedROINumber"): _contours(item)
        for item in header.get("ROIContourSequence") or ()
    }
    observations = {
        _number_of(item, "ReferencedROINumber"): item
        for item in header.get("RTROIObservationsSequence") or ()
    }
    series = _series(header)
    every = [contour for region in contours.values() for contour in region or () if contour is not None]
    for item in header.get("StructureSetROISequence") or ():
        place = _number_of(item, "ROINumber")
        observed = observations.get(place, Dataset())
        kinds = observed.get("RTROIIdentificationCodeSequence")
        yield annotated.segment(
            place,
            SegmentLabel=word(item, "ROIName") or word(observed, "ROIObservationLabel"),
            category_code=public_code((kinds or [Dataset()])[0].get("SegmentedPropertyCategoryCodeSequence")),
            type_code=public_code(kinds),
            anatomic_region_code=public_code(observed.get("AnatomicRegionSequence")),
            laterality_code=public_code(
                (observed.get("AnatomicRegionSequence") or [Dataset()])[0].get(
                    "AnatomicRegionModifierSequence"
                )
            ),
            SegmentAlgorithmType=word(item, "ROIGenerationAlgorithm"),
            volume_mm3=_volume(contours.get(place, []), every),
            source_SeriesInstanceUID=series.get(word(item, "ReferencedFrameOfReferenceUID") or ""),
        )


def _contours(item: Dataset) -> list[Contour | None] | None:
    """The closed contours of a region; None if it has others, which enclose nothing."""
    found: list[Contour | None] = []
    for contour in item.get("ContourSequence") or ():
        if word(contour, "ContourGeometricType") not in _CLOSED:
            return None
        found.append(_contour(contour))
    return found


def _contour(contour: Dataset) -> Contour | None:
    try:
        points = np.array([float(part) for part in values_of(contour.get("ContourData"))])
    except (TypeError, ValueError):
        return None
    if len(points) % 3 or not np.isfinite(points).all():
        return None
    return Contour.of(points.reshape(-1, 3))


def _volume(region: list[Contour | None] | None, every: Sequence[Contour]) -> float | None:
    """What a region encloses; one drawn on a single slice takes the distance of the slices of all regions."""
    read = [contour for contour in region or () if contour is not None]
    if region is None or not read:
        return None
    lone = len(distinct(contour.offset for contour in read)) == 1
    beside = [contour for contour in every if read[0].is_parallel_to(contour)] if lone else read
    return volume_mm3(region, spacing_mm(contour.offset for contour in beside))


def _series(header: Dataset) -> Mapping[str, str | None]:
    """Frame of reference → the series that was drawn on in it, where it is one."""
    found: dict[str, str | None] = {}
    for frame in header.get("ReferencedFrameOfReferenceSequence") or ():
        uids = {
            keyed_only(series.get("SeriesInstanceUID"))
            for study in frame.get("RTReferencedStudySequence") or ()
            for series in study.get("RTReferencedSeriesSequence") or ()
        }
        found[word(frame, "FrameOfReferenceUID") or ""] = uids.pop() if len(uids) == 1 else None
    return found


def _number_of(item: Dataset, keyword: str) -> int:
    found = number(item, keyword)
    if found is None or found != int(found):
        raise Unusable(Reason.VALUE_UNUSABLE, keyword)
    return int(found)
