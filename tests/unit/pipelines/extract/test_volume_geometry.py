"""Slices that make one regular volume are told from those that do not, and the affine is where they lie."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from highdicom.spatial import create_affine_matrix_from_attributes, get_volume_positions
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import Dataset

from federim.lake.check import faults
from federim.lake.declared.imaging import VOLUME_GEOMETRY
from federim_pipelines.extract.frames import PLACE_COLUMNS, places
from federim_pipelines.extract.geometry import Geometry, measure

Vectors = NDArray[np.float64]

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stack(
    heights: list[float], orientation: tuple[float, ...] = AXIAL, spacing: tuple[float, float] = (0.7, 0.8)
) -> Vectors:
    """Slices of 64 rows and 48 columns at these heights along their normal, from (-10, 20, 30)."""
    normal = np.cross(orientation[:3], orientation[3:])
    return np.array(
        [[*(np.array([-10, 20, 30]) + height * normal), *orientation, *spacing, 64, 48] for height in heights]
    )


def measured(slices: Vectors) -> Geometry:
    geometry = measure(slices)
    assert geometry is not None
    return geometry


@st.composite
def orientations(draw: st.DrawFn) -> tuple[float, ...]:
    """Cosines of a row and a column, turned anyhow, with the six decimals a scanner writes."""
    quaternion = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(map(abs, q)) > 0.1)))
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    row = (1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w))
    column = (2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w))
    return tuple(round(cosine, 6) for cosine in (*row, *column))


counts = st.integers(2, 40)
gaps = st.floats(0.3, 10)
dice = st.randoms(use_true_random=False)


def shuffled(slices: Vectors, random: Any) -> Vectors:
    order = list(range(len(slices)))
    random.shuffle(order)
    return slices[order]


@given(count=counts, gap=gaps, orientation=orientations(), random=dice)
def test_even_slices_in_any_order_and_direction_are_a_regular_volume(
    count: int, gap: float, orientation: tuple[float, ...], random: Any
) -> None:
    slices = stack([gap * number for number in range(count)], orientation)
    geometry = measured(shuffled(slices, random))
    assert geometry.regular and geometry.single_orientation and geometry.orthogonal and geometry.single_size
    assert (geometry.slices, geometry.duplicate_positions, geometry.missing_slices) == (count, 0, 0)
    assert geometry.spacing_mm == pytest.approx(gap, abs=1e-4)
    assert geometry.affine is not None
    # Highdicom makes the same affine of the same attributes, told to count columns first.
    theirs = create_affine_matrix_from_attributes(
        image_position=slices[0, :3].tolist(),
        image_orientation=list(orientation),
        pixel_spacing=(0.7, 0.8),
        spacing_between_slices=gap,
        index_convention="RD",
        slices_first=False,
    )
    np.testing.assert_allclose(geometry.affine, theirs[:3], atol=1e-3)
    assert np.linalg.det(geometry.affine[:, :3]) > 0


@given(count=counts, gap=gaps, orientation=orientations())
def test_the_affine_takes_a_slice_number_to_the_slice(
    count: int, gap: float, orientation: tuple[float, ...]
) -> None:
    slices = stack([gap * number for number in range(count)], orientation)
    affine = measured(slices).affine
    assert affine is not None
    indices = np.array([[0, 0, number, 1] for number in range(count)])
    np.testing.assert_allclose(indices @ affine.T, slices[:, :3], atol=1e-3)


@given(count=st.integers(5, 40), gap=gaps, orientation=orientations(), random=dice)
def test_a_slice_left_out_is_missed(
    count: int, gap: float, orientation: tuple[float, ...], random: Any
) -> None:
    left_out = random.randrange(1, count - 1)
    heights = [gap * number for number in range(count) if number != left_out]
    geometry = measured(shuffled(stack(heights, orientation), random))
    assert (geometry.regular, geometry.missing_slices, geometry.affine) == (False, 1, None)
    assert geometry.spacing_mm == pytest.approx(gap, abs=1e-4)


@given(count=counts, gap=gaps, orientation=orientations(), random=dice)
def test_a_slice_given_twice_is_counted_and_the_rest_still_measured(
    count: int, gap: float, orientation: tuple[float, ...], random: Any
) -> None:
    slices = stack([gap * number for number in range(count)], orientation)
    twice = np.concatenate([slices, slices[random.randrange(count)][None]])
    geometry = measured(shuffled(twice, random))
    assert (geometry.regular, geometry.duplicate_positions, geometry.missing_slices) == (False, 1, 0)
    assert geometry.spacing_mm == pytest.approx(gap, abs=1e-4)


def test_a_tilted_gantry_shears_the_volume() -> None:
    slices = stack([2.0 * number for number in range(10)])
    slices[:, 1] += np.arange(10) * 0.5
    geometry = measured(slices)
    assert (geometry.regular, geometry.orthogonal, geometry.single_orientation) == (False, False, True)
    assert (geometry.spacing_mm, geometry.missing_slices) == (2.0, 0)


@pytest.mark.parametrize(
    ("heights", "regular"),
    [
        ([0, 1, 2, 3, 4.19], True),  # 0.15 from the mean gap, and no slice is that far from its place
        ([0, 1, 2, 3, 4.3], False),
        ([0, 0.1, 0.2, 0.3, 0.4], True),
        ([0, 0.1, 0.2, 0.3, 0.46], False),  # within 0.2 mm, but half as far again
        # Each gap is 0.09 from the mean; together they put the middle slice 0.9 mm away from its place.
        ([*np.cumsum([0, *[1.0] * 10, *[1.18] * 10])], False),
    ],
)
def test_how_far_a_slice_may_lie_from_its_place(heights: list[float], regular: bool) -> None:
    assert measured(stack(heights)).regular is regular


def test_a_scout_in_three_planes_is_no_volume() -> None:
    coronal, sagittal = (1.0, 0, 0, 0, 0, -1.0), (0, 1.0, 0, 0, 0, -1.0)
    geometry = measured(np.concatenate([stack([0, 5], each) for each in (AXIAL, coronal, sagittal)]))
    assert (geometry.slices, geometry.regular, geometry.single_orientation) == (6, False, False)
    assert (geometry.spacing_mm, geometry.missing_slices, geometry.duplicate_positions) == (None, None, 0)


def test_one_slice_is_no_volume_and_has_no_spacing() -> None:
    geometry = measured(stack([0]))
    assert (geometry.slices, geometry.regular, geometry.spacing_mm, geometry.affine) == (1, False, None, None)


@pytest.mark.parametrize(("column", "other"), [("Rows", 32), ("PixelSpacingRow", 0.75)])
def test_slices_of_another_size_are_told(column: str, other: float) -> None:
    slices = stack([0, 1, 2])
    slices[1, PLACE_COLUMNS.index(column)] = other
    geometry = measured(slices)
    assert (geometry.regular, geometry.single_size, geometry.orthogonal) == (False, False, True)


def test_a_spacing_rounded_elsewhere_is_the_same_spacing() -> None:
    slices = stack([0, 1, 2], spacing=(0.661468, 0.661468))
    slices[1, PLACE_COLUMNS.index("PixelSpacingRow")] = 0.66147
    assert measured(slices).regular


def test_cosines_that_are_not_perpendicular_make_no_regular_volume() -> None:
    geometry = measured(stack([0, 1, 2], (1.0, 0, 0, 0.3, 0.954, 0)))
    assert (geometry.regular, geometry.orthogonal, geometry.single_orientation) == (False, False, True)


def test_a_slice_that_nobody_placed_is_counted_and_keeps_the_volume_from_being_regular() -> None:
    slices = stack([0, 1, 2, 3, 4])
    slices[4, 0] = math.nan
    geometry = measured(slices)
    assert (geometry.slices, geometry.regular, geometry.missing_slices) == (5, False, 0)


def test_slices_nobody_placed_have_no_geometry() -> None:
    assert measure(np.full((3, len(PLACE_COLUMNS)), np.nan)) is None


@pytest.mark.parametrize("slices", [stack([0, 1, 2]), stack([0, 1, 1]), stack([0])])
def test_the_row_is_what_the_table_declares(slices: Vectors) -> None:
    row = {"person_id": "0" * 32, "SeriesInstanceUID": "2.25.1"} | measured(slices).columns()
    assert set(row) == {column.name for column in VOLUME_GEOMETRY.columns}
    assert faults(VOLUME_GEOMETRY, [row]) == {}


@given(
    heights=st.lists(st.integers(0, 12), min_size=2, max_size=12).filter(lambda found: len(set(found)) > 1)
)
def test_highdicom_finds_regular_what_is_regular_here(heights: list[int]) -> None:
    slices = stack([1.5 * height for height in heights])
    spacing, _ = get_volume_positions(
        image_positions=slices[:, :3].tolist(), image_orientation=list(AXIAL), allow_missing_positions=False
    )
    assert measured(slices).regular is (spacing is not None)


def frame(position: list[float], spacing: list[float] | None = None) -> Dataset:
    group, plane = Dataset(), Dataset()
    plane.ImagePositionPatient = position
    group.PlanePositionSequence = [plane]
    if spacing:
        measures = Dataset()
        measures.PixelSpacing = spacing
        group.PixelMeasuresSequence = [measures]
    return group


def test_frames_of_an_enhanced_object_are_placed_by_their_groups_and_the_shared_ones() -> None:
    enhanced, shared, orientation, measures = Dataset(), Dataset(), Dataset(), Dataset()
    enhanced.Rows, enhanced.Columns = 4, 5
    orientation.ImageOrientationPatient = list(AXIAL)
    measures.PixelSpacing = [0.5, 0.6]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    enhanced.SharedFunctionalGroupsSequence = [shared]
    enhanced.PerFrameFunctionalGroupsSequence = [
        frame([1, 2, 3]),
        frame([1, 2, 5], spacing=[0.7, 0.8]),
        Dataset(),
    ]
    first, second, third = places(enhanced).tolist()
    assert first == [1, 2, 3, *AXIAL, 0.5, 0.6, 4, 5]
    assert second == [1, 2, 5, *AXIAL, 0.7, 0.8, 4, 5]
    assert all(map(math.isnan, third[:3])) and third[3:] == first[3:]


@pytest.mark.parametrize(
    ("offsets", "heights"), [([0, 2.5, 5], [30, 32.5, 35]), ([30, 32.5, 35], [30, 32.5, 35])]
)
def test_planes_of_a_dose_grid_lie_at_its_offsets(offsets: list[float], heights: list[float]) -> None:
    grid = Dataset()
    grid.Rows, grid.Columns, grid.NumberOfFrames = 4, 5, 3
    grid.ImagePositionPatient, grid.ImageOrientationPatient = [-10, 20, 30], list(AXIAL)
    grid.PixelSpacing, grid.GridFrameOffsetVector = [2, 2], offsets
    assert places(grid)[:, :3].tolist() == [[-10, 20, height] for height in heights]


@pytest.mark.parametrize("position", [None, "", [1, 2], ["1", "2", "x"], [1, 2, math.inf]])
def test_a_position_that_is_none_is_unknown(position: Any) -> None:
    image: dict[str, Any] = {"ImagePositionPatient": position, "ImageOrientationPatient": list(AXIAL)}
    [place] = places(image)
    assert np.isnan(place[:3]).all() and place[3:9].tolist() == list(AXIAL)
