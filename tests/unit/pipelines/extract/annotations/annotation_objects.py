"""Builders of objects that draw or measure something on a made-up CT, each as a maker writes it."""

from __future__ import annotations

from collections.abc import Sequence as Listed
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

SERIES = "1.2.826.0.1.9.3"
ROWS, COLUMNS = 6, 8
SPACING_MM = (0.5, 0.75)  # between rows, between columns
BETWEEN_MM = 2.5
MADE_BY: dict[str, Any] = {
    "instance_number": 1,
    "manufacturer": "Acme",
}
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
RADIATION_DOSE = "1.2.840.10008.5.1.4.1.1.88.67"

Coded = tuple[str, str]


def scan(slices: int = 5) -> list[Dataset]:
    """A CT of axial slices, from feet to head."""
    images = []
    for number in range(slices):
        image = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        image.PatientID, image.PatientName = "IPP-778899", "Quéffelec^Maël"
        image.SpecificCharacterSet = "ISO_IR 192"
        image.SeriesInstanceUID = SERIES
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.{number + 1}"
        image.InstanceNumber = number + 1
        image.Rows, image.Columns = ROWS, COLUMNS
        image.PixelSpacing, image.SliceThickness = list(SPACING_MM), BETWEEN_MM
        image.pop("SpacingBetweenSlices", None)
        image.ImagePositionPatient = [-20, -30, BETWEEN_MM * number]
        image.PixelData = np.full((ROWS, COLUMNS), number, np.int16).tobytes()
        images.append(image)
    return images


def described(number: int, **told: Any) -> hd.seg.SegmentDescription:
    """A segment: by default the liver, as a program draws it."""
    return hd.seg.SegmentDescription(
        **{
            "segment_number": number,
            "segment_label": f"liver {number}",
            "segmented_property_category": codes.SCT.AnatomicalStructure,
            "segmented_property_type": codes.SCT.Liver,
            "algorithm_type": "AUTOMATIC",
            "algorithm_identification": hd.AlgorithmIdentificationSequence(
                name="net", family=codes.DCM.ArtificialIntelligence, version="1"
            ),
            "tracking_uid": f"1.2.826.0.1.9.7.{number}",
            "tracking_id": f"liver {number}",
            **told,
        }
    )


def segmentation(
    images: Listed[Dataset], mask: NDArray[Any], kind: str = "BINARY", *, segments: Any = None, **told: Any
) -> Dataset:
    """A segmentation of images; `mask` has a slice an image, and a last axis of segments or none."""
    count = mask.shape[3] if mask.ndim == 4 else int(mask.max())
    return hd.seg.Segmentation(
        source_images=list(images),
        pixel_array=mask,
        segmentation_type=kind,
        segment_descriptions=segments or [described(number) for number in range(1, count + 1)],
        series_instance_uid="1.2.826.0.1.9.4",
        series_number=20,
        sop_instance_uid="1.2.826.0.1.9.4.1",
        manufacturer_model_name="Drawer",
        software_versions="1",
        device_serial_number="1",
        **MADE_BY,
        **told,
    )


def parametric_map(images: Listed[Dataset], values: NDArray[Any], *, quantity: bool = True) -> Dataset:
    """A map of the apparent diffusion coefficient, a frame an image."""
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="ADC",
        lut_explanation="diffusion",
        unit=codes.UCUM.SquareMillimeterPerSecond,
        value_range=(-1e6, 1e6),
        slope=0.5,
        intercept=1.0,
        quantity_definition=codes.DCM.ApparentDiffusionCoefficient if quantity else None,
    )
    return hd.pm.ParametricMap(
        source_images=list(images),
        pixel_array=values,
        series_instance_uid="1.2.826.0.1.9.5",
        series_number=21,
        sop_instance_uid="1.2.826.0.1.9.5.1",
        manufacturer_model_name="Mapper",
        software_versions="1",
        device_serial_number="1",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[hd.VOILUTTransformation(window_center=0.5, window_width=1.0)],
        **MADE_BY,
    )


def coded(scheme: str, value: str) -> Sequence:
    """A code sequence of one entry."""
    entry = Dataset()
    entry.CodeValue, entry.CodingSchemeDesignator, entry.CodeMeaning = value, scheme, value
    return Sequence([entry])


def node(
    value_type: str, concept: Coded | None = None, value: Any = None, *children: Dataset, **told: Any
) -> Dataset:
    """A content item; a CODE's value is (scheme, value), a NUM's (number, unit), an IMAGE's a UID."""
    made = Dataset()
    made.RelationshipType = told.pop("relationship", "CONTAINS")
    made.ValueType = value_type
    if concept is not None:
        made.ConceptNameCodeSequence = coded(*concept)
    if value_type == "CODE":
        made.ConceptCodeSequence = coded(*value)
    elif value_type == "NUM" and value is not None:
        measured = Dataset()
        measured.NumericValue, measured.MeasurementUnitsCodeSequence = value[0], coded("UCUM", value[1])
        made.MeasuredValueSequence = Sequence([measured])
    elif value_type == "TEXT":
        made.TextValue = value
    elif value_type == "UIDREF":
        made.UID = value
    elif value_type == "DATETIME":
        made.DateTime = value
    elif value_type == "IMAGE":
        reference = Dataset()
        reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        reference.ReferencedSOPInstanceUID = value
        made.ReferencedSOPSequence = Sequence([reference])
    for keyword, said in told.items():
        setattr(made, keyword, said)
    if children:
        made.ContentSequence = Sequence(children)
    return made


def report(*content: Dataset, sop_class: str = COMPREHENSIVE, title: Coded = ("DCM", "126000")) -> Dataset:
    """A structured report of somebody, whose evidence is the made-up CT."""
    made = _instance(sop_class, "1.2.826.0.1.9.6", "SR")
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "UNVERIFIED"
    made.ContentDate, made.ContentTime = "20240301", "101500"
    made.ConceptNameCodeSequence = coded(*title)
    made.ContentSequence = Sequence(content)
    instances = [_reference(f"{SERIES}.{number}") for number in range(1, 6)]
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = SERIES, Sequence(instances)
    study = Dataset()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = scan(1)[0].StudyInstanceUID, Sequence([series])
    made.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
    return made


def structure_set(*regions: tuple[str, Listed[Listed[float]]], geometry: str = "CLOSED_PLANAR") -> Dataset:
    """A structure set of named regions, each the points of its contours: x, y, z, x, y, z …"""
    made = _instance(RT_STRUCTURE_SET, "1.2.826.0.1.9.8", "RTSTRUCT")
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "plan", "20240301", "101500"
    frame = scan(1)[0].FrameOfReferenceUID
    series, study, referenced = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = SERIES
    series.ContourImageSequence = Sequence([_reference(f"{SERIES}.1")])
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.ReferencedSOPInstanceUID = made.StudyInstanceUID
    study.RTReferencedSeriesSequence = Sequence([series])
    referenced.FrameOfReferenceUID, referenced.RTReferencedStudySequence = frame, Sequence([study])
    made.ReferencedFrameOfReferenceSequence = Sequence([referenced])
    made.StructureSetROISequence, made.ROIContourSequence = Sequence(), Sequence()
    made.RTROIObservationsSequence = Sequence()
    for number, (name, outlines) in enumerate(regions, start=1):
        region, drawn, observed = Dataset(), Dataset(), Dataset()
        region.ROINumber, region.ROIName, region.ROIGenerationAlgorithm = number, name, "SEMIAUTOMATIC"
        region.ReferencedFrameOfReferenceUID = frame
        drawn.ReferencedROINumber, drawn.ContourSequence = number, Sequence()
        for points in outlines:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = geometry, len(points) // 3
            contour.ContourData = [str(point) for point in points]
            drawn.ContourSequence.append(contour)
        observed.ObservationNumber, observed.ReferencedROINumber = number, number
        observed.RTROIInterpretedType, observed.ROIInterpreter = "ORGAN", ""
        observed.RTROIIdentificationCodeSequence = coded("SRT", "T-62000")
        made.StructureSetROISequence.append(region)
        made.ROIContourSequence.append(drawn)
        made.RTROIObservationsSequence.append(observed)
    return made


def square(side: float, z: float, *, at: tuple[float, float] = (0.0, 0.0)) -> list[float]:
    """The contour of a square in an axial plane."""
    x, y = at
    return [
        *(x, y, z),
        *(x + side, y, z),
        *(x + side, y + side, z),
        *(x, y + side, z),
    ]


def written(dataset: Dataset, path: Path) -> Path:
    """Write an object, and say where."""
    dataset.save_as(path, enforce_file_format=True)
    return path


def _instance(sop_class: str, uid: str, modality: str) -> Dataset:
    image = scan(1)[0]
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = sop_class, f"{uid}.1", modality
    made.SeriesInstanceUID, made.SeriesNumber, made.InstanceNumber = uid, 30, 1
    made.Manufacturer = "Acme"
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyTime"):
        setattr(made, keyword, image[keyword].value)
    return made


def _reference(uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = uid
    return reference
