"""A region of a structure set has its name as the text policy let it, and the volume of its contours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotation_objects import SERIES, square, structure_set

from federim_pipelines.extract.unusable import Unusable

Rows = list[dict[str, Any]]


def test_a_region(rows: Callable[..., Rows], uid: Callable[[str], str]) -> None:
    (row,) = rows(structure_set(("liver", [square(10, 0), square(10, 2.5), square(4, 2.5, at=(1, 1))])))
    assert row["volume_mm3"] == pytest.approx((100 + 100 - 16) * 2.5)
    assert (row["SegmentNumber"], row["SegmentLabel"]) == (1, "liver")
    assert row["SegmentAlgorithmType"] == "SEMIAUTOMATIC"
    assert row["type_code"] == "10200004"  # liver, told as T-62000
    assert row["source_SeriesInstanceUID"] == uid(SERIES)
    assert row["SOPInstanceUID"] == uid("1.2.826.0.1.9.8.1")


def test_a_name_keeps_no_patients(rows: Callable[..., Rows]) -> None:
    (row,) = rows(structure_set(("liver Quéffelec", [square(10, 0)])))
    assert row["SegmentLabel"] == "liver"


def test_a_region_on_one_slice_is_as_thick_as_the_others_are_apart(rows: Callable[..., Rows]) -> None:
    one, many = rows(
        structure_set(("nodule", [square(2, 5)]), ("lung", [square(9, 0), square(9, 5), square(9, 10)]))
    )
    assert one["volume_mm3"] == pytest.approx(4 * 5)
    assert many["volume_mm3"] == pytest.approx(81 * 3 * 5)


def test_a_slice_without_a_contour_is_a_gap(rows: Callable[..., Rows]) -> None:
    (row,) = rows(structure_set(("kidneys", [square(2, 0), square(2, 3), square(2, 9)])))
    assert row["volume_mm3"] == pytest.approx(4 * 3 * 3)


@pytest.mark.parametrize(
    ("outlines", "geometry"),
    [
        pytest.param([[0, 0, 0]], "POINT", id="a point"),
        pytest.param([square(9, 0)], "OPEN_PLANAR", id="a line"),
        pytest.param([], "CLOSED_PLANAR", id="nothing drawn"),
        pytest.param([square(9, 0)], "CLOSED_PLANAR", id="one slice and nothing beside it"),
        pytest.param([square(9, 0), [0, 0, 3, 9, 0]], "CLOSED_PLANAR", id="coordinates are missing"),
    ],
)
def test_what_encloses_nothing_has_a_row_and_no_volume(
    rows: Callable[..., Rows], outlines: list[list[float]], geometry: str
) -> None:
    (row,) = rows(structure_set(("isocentre", outlines), geometry=geometry))
    assert row["volume_mm3"] is None


def test_a_region_without_a_number_is_refused_by_place(rows: Callable[..., Rows]) -> None:
    made = structure_set(("liver", [square(9, 0)]))
    del made.StructureSetROISequence[0].ROINumber
    with pytest.raises(Unusable, match="ROINumber"):
        rows(made)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_real_plan(rows: Callable[..., Rows], shared_data: Path) -> None:
    """Ten regions; one has no contour, one a name that no vocabulary holds."""
    found = rows(shared_data / "dicompyler-core/example_data/rtss.dcm")
    volumes = {row["SegmentLabel"]: row["volume_mm3"] for row in found}
    assert len(found) == 10
    assert volumes["Heart"] == pytest.approx(439_700, rel=1e-3)
    assert volumes["Areola"] is None
    assert None in volumes
