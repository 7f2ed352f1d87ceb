"""A segment's row says what it is, how many voxels are inside and what volume that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from annotation_objects import (
    BETWEEN_MM,
    COLUMNS,
    ROWS,
    SERIES,
    SPACING_MM,
    coded,
    described,
    scan,
    segmentation,
    written,
)
from pydicom.sr.codedict import codes

from federim_pipelines.deidentify.quiet import quiet
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

Rows = list[dict[str, Any]]
VOXEL_MM3 = SPACING_MM[0] * SPACING_MM[1] * BETWEEN_MM


@pytest.fixture
def mask() -> np.ndarray:
    """Two segments that overlap; shape (slices, rows, columns, segments)."""
    made = np.zeros((5, ROWS, COLUMNS, 2), np.uint8)
    made[0, 1:3, 2:5, 0] = 1
    made[3, 1:3, 2:5, 0] = 1
    made[3, 0:2, 0:8, 1] = 1
    return made


def test_voxels_are_counted_and_measured(
    rows: Callable[..., Rows], uid: Callable[[str], str], mask: np.ndarray
) -> None:
    first, second = rows(segmentation(scan(), mask))
    assert (first["voxel_count"], second["voxel_count"]) == (12, 16)
    assert first["volume_mm3"] == pytest.approx(12 * VOXEL_MM3)
    assert second["volume_mm3"] == pytest.approx(16 * VOXEL_MM3)
    assert (first["SegmentNumber"], second["SegmentNumber"]) == (1, 2)
    assert first["SegmentLabel"] == "liver 1"
    assert first["category_code"] == codes.SCT.AnatomicalStructure.value
    assert first["type_code"] == codes.SCT.Liver.value
    assert first["SegmentAlgorithmType"] == "AUTOMATIC"
    assert first["source_SeriesInstanceUID"] == uid(SERIES)
    assert first["TrackingUID"] == uid("1.2.826.0.1.9.7.1")
    assert first["SOPInstanceUID"] == uid("1.2.826.0.1.9.4.1")


def test_a_label_map_says_the_same_without_its_background(rows: Callable[..., Rows]) -> None:
    labels = np.zeros((5, ROWS, COLUMNS), np.uint8)
    labels[1, 0:2, 0:4], labels[2, 0, 0:3] = 1, 2
    binary = rows(segmentation(scan(), labels))
    mapped = rows(segmentation(scan(), labels, "LABELMAP"))
    assert [row["voxel_count"] for row in mapped] == [8, 3] == [row["voxel_count"] for row in binary]
    assert [row["volume_mm3"] for row in mapped] == pytest.approx([8 * VOXEL_MM3, 3 * VOXEL_MM3])


def test_of_probabilities_half_the_maximum_or_more_is_inside(rows: Callable[..., Rows]) -> None:
    chances = np.zeros((5, ROWS, COLUMNS, 1))
    chances[2, 0, :5, 0] = (0.2, 0.49, 0.5, 0.75, 1.0)
    made = segmentation(scan(), chances, "FRACTIONAL", max_fractional_value=100)
    (row,) = rows(made)
    assert row["voxel_count"] == 3


def test_where_and_which_side(rows: Callable[..., Rows], mask: np.ndarray) -> None:
    made = segmentation(
        scan(), mask, segments=[described(1, anatomic_regions=[codes.SCT.Kidney]), described(2)]
    )
    made.SegmentSequence[0].AnatomicRegionSequence[0].AnatomicRegionModifierSequence = coded("SCT", "7771000")
    made.SegmentSequence[1].SegmentedPropertyTypeCodeSequence[
        0
    ].SegmentedPropertyTypeModifierCodeSequence = coded("SCT", "24028007")
    first, second = rows(made)
    assert (first["anatomic_region_code"], first["laterality_code"]) == (codes.SCT.Kidney.value, "7771000")
    assert (second["anatomic_region_code"], second["laterality_code"]) == (None, "24028007")


def test_a_code_of_snomeds_retired_form_is_written_in_its_present_one(
    rows: Callable[..., Rows], mask: np.ndarray
) -> None:
    made = segmentation(scan(), mask)
    made.SegmentSequence[0].SegmentedPropertyTypeCodeSequence = coded("SRT", "T-62000")
    assert rows(made)[0]["type_code"] == codes.SCT.Liver.value


def test_a_makers_own_code_is_left_out_of_a_column_that_does_not_say_so(
    rows: Callable[..., Rows], mask: np.ndarray
) -> None:
    made = segmentation(scan(), mask)
    made.SegmentSequence[0].SegmentedPropertyTypeCodeSequence = coded("99ACME", "10200004")
    assert rows(made)[0]["type_code"] is None


def test_a_label_keeps_no_name(rows: Callable[..., Rows], mask: np.ndarray) -> None:
    made = segmentation(scan(), mask)
    made.SegmentSequence[0].SegmentLabel = "liver of Quéffelec"
    assert "ffelec" not in rows(made)[0]["SegmentLabel"].lower()


def test_a_segment_without_a_frame_has_no_voxel(rows: Callable[..., Rows], mask: np.ndarray) -> None:
    mask[..., 1] = 0
    counted = rows(segmentation(scan(), mask))
    assert (counted[1]["voxel_count"], counted[1]["volume_mm3"]) == (0, 0)


def test_frames_at_no_place_in_a_patient_have_no_volume(rows: Callable[..., Rows], mask: np.ndarray) -> None:
    made = segmentation(scan(), mask)
    for frame in made.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    row = rows(made)[0]
    assert (row["voxel_count"], row["volume_mm3"]) == (12, None)


def test_a_value_that_breaks_the_rules_is_read_without_a_word(
    rows: Callable[..., Rows], mask: np.ndarray, tmp_path: Path
) -> None:
    """Makers write what DICOM does not let them; a warning would quote the file."""
    made = segmentation(scan(), mask)
    with quiet():
        made.SegmentSequence[0].SegmentLabel = " ".join(["liver"] * 20)  # 64 characters at most
        path = written(made, tmp_path / "made-by-somebody.dcm")
    assert rows(path)[0]["SegmentLabel"].startswith("liver liver")


@pytest.mark.parametrize("damage", ["no segment of that number", "a segment without a number"])
def test_what_contradicts_itself_is_refused_by_place(
    rows: Callable[..., Rows], mask: np.ndarray, damage: str
) -> None:
    made = segmentation(scan(), mask)
    if damage == "no segment of that number":
        made.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence[
            0
        ].ReferencedSegmentNumber = 4711
    else:
        del made.SegmentSequence[0].SegmentNumber
    with pytest.raises(Unusable) as refused:
        rows(made)
    assert refused.value.reason is Reason.VALUE_UNUSABLE
    assert "4711" not in refused.value.detail


def test_pixels_that_nothing_here_decodes_leave_the_counts_open(
    rows: Callable[..., Rows], shared_data: Path
) -> None:
    """Run-length coding of single bits is in the Standard and in no decoder yet."""
    (row,) = rows(shared_data / "pydicom-data" / "liver_rle.dcm")
    assert (row["type_code"], row["voxel_count"], row["volume_mm3"]) == (codes.SCT.Liver.value, None, None)


def _as_highdicom_puts_them_together(path: Path) -> dict[int, int]:
    """How many voxels each segment has in the volume, the slide or the single image it is drawn on."""
    segments = hd.seg.segread(path)
    numbers = list(segments.segment_numbers)
    told: dict[str, Any] = {"combine_segments": False, "rescale_fractional": True}
    if segments.is_tiled:
        array = segments.get_total_pixel_matrix(**told)
    elif segments.number_of_frames > 1:
        array = segments.get_volume(**told).array
    else:
        array = segments.pixel_array[..., np.newaxis]
    inside = (array >= 0.5).reshape(-1, len(numbers)).sum(axis=0)
    return dict(zip(numbers, inside.tolist(), strict=True))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_segmentations_count_as_highdicom_does(rows: Callable[..., Rows], shared_data: Path) -> None:
    """Whole slides included, whose tiles say by their order alone which segment they show."""
    files = sorted((shared_data / "highdicom/data/test_files").glob("seg_image_*.dcm"))
    assert len(files) > 10
    for path in files:
        counted = {row["SegmentNumber"]: row["voxel_count"] for row in rows(path)}
        expected = _as_highdicom_puts_them_together(path)
        expected.pop(0, None)  # the background of a label map
        assert counted == expected, path.name
