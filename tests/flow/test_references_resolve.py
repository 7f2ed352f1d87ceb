"""What refers to images still does, when each was de-identified in a run of its own with the same key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)
from real_files import BUNDLED, deidentifier, write_clean

# Devices break the rules of VRs, and pydicom says so at each value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def _referring(images: list[Dataset], sop_class: str, modality: str) -> Dataset:
    """An object of the images' patient and study."""
    made = Dataset()
    for keyword in (
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyDate",
    ):
        setattr(made, keyword, images[0].get(keyword, ""))
    made.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    made.SOPClassUID, made.Modality = sop_class, modality
    made.SOPInstanceUID, made.SeriesInstanceUID = "1.2.3.4.5.6.7", "1.2.3.4.5.6.8"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _of_series(images: list[Dataset], keyword: str) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = images[0].SeriesInstanceUID
    setattr(item, keyword, [_reference(image) for image in images])
    return item


def _contours(images: list[Dataset]) -> Dataset:
    """RTSTRUCT → CT: the series under the frame of reference, and each contour's slice."""
    made, frame, study, roi, contour = _referring(images, RTStructureSetStorage, "RTSTRUCT"), *_items(4)
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    study.RTReferencedSeriesSequence = [_of_series(images, "ContourImageSequence")]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = images[0].FrameOfReferenceUID, [study]
    contour.ContourImageSequence = [_reference(images[0])]
    contour.ContourData, contour.ContourGeometricType, contour.NumberOfContourPoints = [0, 0, 0], "POINT", 1
    roi.ReferencedROINumber, roi.ContourSequence = 1, [contour]
    made.StructureSetLabel = "GTV"
    made.ReferencedFrameOfReferenceSequence, made.ROIContourSequence = [frame], [roi]
    return made


def _segmentation(images: list[Dataset]) -> Dataset:
    """SEG → the images it was drawn on: the series, and each frame's source."""
    made, frame, derivation = _referring(images, SegmentationStorage, "SEG"), *_items(2)
    made.ReferencedSeriesSequence = [_of_series(images, "ReferencedInstanceSequence")]
    derivation.SourceImageSequence = [_reference(image) for image in images]
    frame.DerivationImageSequence = [derivation]
    made.PerFrameFunctionalGroupsSequence = [frame]
    made.Rows = made.Columns = 8
    made.SamplesPerPixel, made.PhotometricInterpretation, made.NumberOfFrames = 1, "MONOCHROME2", 1
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = made.PixelRepresentation = 0
    made.PixelData = bytes(8)
    made["PixelData"].VR = "OB"
    return made


def _presentation(images: list[Dataset]) -> Dataset:
    """PR → the images it shows."""
    made = _referring(images, GrayscaleSoftcopyPresentationStateStorage, "PR")
    made.ReferencedSeriesSequence = [_of_series(images, "ReferencedImageSequence")]
    made.ContentLabel = "PRESENTATION"
    return made


def _items(count: int) -> list[Dataset]:
    return [Dataset() for _ in range(count)]


@pytest.mark.parametrize("make", [_contours, _segmentation, _presentation])
def test_references_resolve_when_files_come_in_separate_runs(
    make: Callable[[list[Dataset]], Dataset], tmp_path: Path
) -> None:
    """Each run has a cleaner of its own; they share the key, and nothing else."""
    sources = sorted((BUNDLED / "test_files" / "dicomdirtests" / "77654033" / "CT2").iterdir())[:3]
    images = [pydicom.dcmread(path) for path in sources]
    make(images).save_as(tmp_path / "refers.dcm", enforce_file_format=True)
    referring = pydicom.dcmread(write_clean(deidentifier(), tmp_path / "refers.dcm", tmp_path / "one.dcm"))
    cleaned = [
        pydicom.dcmread(write_clean(deidentifier(), path, tmp_path / f"{number}.dcm"))
        for number, path in enumerate(sources)
    ]
    stranger = pydicom.dcmread(write_clean(deidentifier(key=bytes(32)), sources[0], tmp_path / "other.dcm"))
    named = {
        element.value for element in referring.iterall() if element.keyword == "ReferencedSOPInstanceUID"
    }
    assert named == {image.SOPInstanceUID for image in cleaned}
    assert stranger.SOPInstanceUID not in named
    in_series = {element.value for element in referring.iterall() if element.keyword == "SeriesInstanceUID"}
    assert {image.SeriesInstanceUID for image in cleaned} < in_series
    assert referring.StudyInstanceUID == cleaned[0].StudyInstanceUID
    assert referring.FrameOfReferenceUID == cleaned[0].FrameOfReferenceUID
