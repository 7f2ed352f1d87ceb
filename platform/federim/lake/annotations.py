"""Write what a model drew and measured as DICOM that a PACS shows: a segmentation, a measurement report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import Any, Final

import highdicom as hd
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues
from highdicom.spatial import get_series_volume_positions
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from federim.lake.annotation_file import Annotation, Concept, Finding, Measurement, Segment
from federim.model.errors import InputError

_MAKER: Final = "Federim"
_NO_SERIAL_NUMBER: Final = "0"  # Type 1, and software has none
_SEGMENTATIONS, _REPORTS = 9001, 9002  # series numbers that no scanner gives


def segmentation(images: Sequence[Dataset], mask: NDArray[Any], annotation: Annotation) -> Dataset:
    """A segmentation (SEG) in the study, and of the patient, of the images it was drawn on.

    Parameters
    ----------
    images : sequence of Dataset
        Every instance of one series, in any order; those of a PACS for a PACS, with their own UIDs.
    mask : NDArray, shape (slices, rows, columns), integers
        Each voxel's segment, its place in `annotation.segments` from 1; 0 is none. Slices are in the order in
        which models get them: see `in_order`. Of a single image, its frames.

    Raises
    ------
    InputError
        The images are no volume, or the mask is of another shape or has numbers of no segment.

    References
    ----------
    DICOM PS3.3, A.51 (Segmentation IOD).
    """
    ordered = in_order(images)
    _check(mask, _shape(ordered), len(annotation.segments))
    with _made_of(images):
        return _segmentation(ordered, mask, annotation)


def report(images: Mapping[str, Dataset], annotation: Annotation, segments: Dataset | None = None) -> Dataset:
    """A measurement report (Comprehensive SR, TID 1500) in the study, and of the patient, of the images.

    Parameters
    ----------
    images : mapping of Dataset
        Every instance of one series, by the SOPInstanceUID that findings call it by.
    segments : Dataset, optional
        The segmentation whose segments findings speak of.

    Raises
    ------
    InputError
        A finding speaks of an image that is none of the series, or of a segment where there is none.

    References
    ----------
    DICOM PS3.16, TID 1500, 1411 (volumetric ROI) and 1501 (measurement group).
    """
    with _made_of(images):
        return _report(images, annotation, segments)


def in_order(images: Sequence[Dataset]) -> list[Dataset]:
    """The images in the order of a volume's slices, as highdicom has it and models get them.

    That is the order that makes (slices, rows, columns) a right-handed system: axial slices that are read
    left to right and front to back, from head to feet.

    Raises
    ------
    InputError
        They are no regularly spaced parallel slices.
    """
    if len(images) == 1:
        return list(images)
    try:
        _, places = get_series_volume_positions(images)
    except (AttributeError, ValueError):
        places = None
    if places is None:
        raise InputError(
            f"the series' {len(images)} images are not evenly spaced parallel slices; expected one volume"
        )
    return [images[places.index(place)] for place in range(len(images))]


def _segmentation(images: list[Dataset], mask: NDArray[Any], annotation: Annotation) -> Dataset:
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=mask.astype(np.uint8 if len(annotation.segments) < 256 else np.uint16),
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _described(number, segment, annotation)
            for number, segment in enumerate(annotation.segments, start=1)
        ],
        series_instance_uid=hd.UID(),
        series_number=_SEGMENTATIONS,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_MAKER,
        manufacturer_model_name=annotation.algorithm,
        software_versions=annotation.version,
        device_serial_number=_NO_SERIAL_NUMBER,
        series_description=f"{annotation.algorithm} {annotation.version}",
    )


def _report(images: Mapping[str, Dataset], annotation: Annotation, segments: Dataset | None) -> Dataset:
    content = hd.sr.MeasurementReport(
        observation_context=_observer(annotation),
        procedure_reported=_procedure(next(iter(images.values()))),
        imaging_measurements=[
            _group(place, finding, images, segments)
            for place, finding in enumerate(annotation.findings, start=1)
        ],
    )
    evidence = [*images.values(), *([] if segments is None else [segments])]
    return hd.sr.ComprehensiveSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=hd.UID(),
        series_number=_REPORTS,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_MAKER,
        is_complete=True,
        is_final=False,  # nobody has verified what a model says
        series_description=f"{annotation.algorithm} {annotation.version}",
    )


@contextmanager
def _made_of(images: Sized) -> Iterator[None]:
    """Say that an object cannot be made of images without saying what of theirs is the reason."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # highdicom raises many kinds, and their texts quote values
        raise InputError(
            f"no annotation can be made on these {len(images)} images ({type(error).__name__}); expected "
            "whole DICOM images of one series, in the patient's coordinates or a single one"
        ) from None


def _shape(images: Sequence[Dataset]) -> tuple[int, int, int]:
    first = images[0]
    return len(images) * int(first.get("NumberOfFrames") or 1), int(first.Rows), int(first.Columns)


def _check(mask: NDArray[Any], shape: tuple[int, int, int], segments: int) -> None:
    if mask.shape != shape:
        raise InputError(f"mask: shape {mask.shape} where the series has {shape} (slices, rows, columns)")
    if not np.issubdtype(mask.dtype, np.integer):
        raise InputError(f"mask: {mask.dtype} where integers were expected, the numbers of segments")
    if mask.size and (mask.min() < 0 or mask.max() > segments):
        raise InputError(
            f"mask: numbers from {mask.min()} to {mask.max()} where {segments} segments are described"
        )


def _described(number: int, segment: Segment, annotation: Annotation) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.label,
        segmented_property_category=_code(segment.category),
        segmented_property_type=_code(segment.type),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=annotation.algorithm, family=codes.DCM.ArtificialIntelligence, version=annotation.version
        ),
        tracking_uid=hd.UID(),
        tracking_id=segment.tracking or segment.label,
        anatomic_regions=None if segment.region is None else [_code(segment.region)],
    )


def _observer(annotation: Annotation) -> hd.sr.ObservationContext:
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=hd.UID(),
                name=annotation.algorithm,
                manufacturer_name=_MAKER,
                model_name=f"{annotation.algorithm} {annotation.version}",
            ),
        )
    )


def _procedure(image: Dataset) -> Code:
    """What examination the images are of, as they say it themselves, else that it is one."""
    for said in image.get("ProcedureCodeSequence") or ():
        if said.get("CodeValue") and said.get("CodingSchemeDesignator") and said.get("CodeMeaning"):
            return Code(said.CodeValue, said.CodingSchemeDesignator, said.CodeMeaning)
    unsaid: Code = codes.SCT.ImagingProcedure
    return unsaid


def _group(
    place: int, finding: Finding, images: Mapping[str, Dataset], segments: Dataset | None
) -> hd.sr.MeasurementsAndQualitativeEvaluations | hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    told: dict[str, Any] = {
        "finding_type": None if finding.finding is None else _code(finding.finding),
        "finding_sites": None if finding.site is None else [hd.sr.FindingSite(_code(finding.site))],
        "measurements": [_measured(measurement) for measurement in finding.measurements],
    }
    if finding.segment is not None:
        if segments is None:
            raise InputError(f"findings {place}: it is of a segment, and there is no segmentation")
        described = segments.SegmentSequence[finding.segment - 1]
        return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=hd.sr.TrackingIdentifier(described.TrackingUID, finding.tracking),
            referenced_segment=hd.sr.ReferencedSegment(
                segments.SOPClassUID,
                segments.SOPInstanceUID,
                finding.segment,
                source_series=hd.sr.SourceSeriesForSegmentation(
                    segments.ReferencedSeriesSequence[0].SeriesInstanceUID
                ),
            ),
            **told,
        )
    unknown = [uid for uid in finding.images if uid not in images]
    if unknown:
        raise InputError(
            f"findings {place}: {len(unknown)} of its {len(finding.images)} images are none of the series'"
        )
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(hd.UID(), finding.tracking),
        source_images=[
            hd.sr.SourceImageForMeasurementGroup.from_source_image(images[uid]) for uid in finding.images
        ]
        or None,
        **told,
    )


def _measured(measurement: Measurement) -> hd.sr.Measurement:
    return hd.sr.Measurement(
        name=_code(measurement.concept),
        value=measurement.value,
        unit=Code(measurement.unit, "UCUM", measurement.unit),
        derivation=None if measurement.derivation is None else _code(measurement.derivation),
    )


def _code(concept: Concept) -> Code:
    return Code(concept.value, concept.scheme, concept.meaning)
