"""The volume that contours enclose, whichever way the patient lies and whatever they cut out."""

from __future__ import annotations

import numpy as np
import pytest
from annotation_objects import square
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from federim_pipelines.extract.annotations.contours import Contour, Points, volume_mm3
from federim_pipelines.extract.annotations.slices import spacing_mm


def contours(*outlines: list[float]) -> list[Contour | None]:
    return [Contour.of(np.array(outline).reshape(-1, 3)) for outline in outlines]


def volume(*outlines: list[float], spacing: float = 2.0) -> float | None:
    return volume_mm3(contours(*outlines), spacing)


def test_squares_on_three_slices_are_a_block() -> None:
    assert volume(square(10, 0), square(10, 2), square(10, 4)) == pytest.approx(600)


def test_a_contour_inside_another_is_a_hole() -> None:
    assert volume(square(10, 0), square(4, 0, at=(3, 3))) == pytest.approx((100 - 16) * 2)


def test_an_island_in_a_hole_counts_again() -> None:
    island = square(2, 0, at=(4, 4))
    assert volume(island, square(10, 0), square(4, 0, at=(3, 3))) == pytest.approx((100 - 16 + 4) * 2)


def test_two_parts_beside_one_another_add_up() -> None:
    assert volume(square(3, 0), square(4, 0, at=(20, 20))) == pytest.approx((9 + 16) * 2)


def test_a_hole_on_one_slice_takes_nothing_from_the_next() -> None:
    assert volume(square(10, 0), square(4, 2, at=(3, 3))) == pytest.approx((100 + 16) * 2)


def test_the_way_round_does_not_count() -> None:
    backwards = np.array(square(10, 0)).reshape(-1, 3)[::-1].ravel().tolist()
    assert volume(backwards, square(4, 0, at=(3, 3))) == pytest.approx((100 - 16) * 2)


@pytest.mark.parametrize(
    "outline",
    [
        pytest.param([0, 0, 0, 1, 1, 0], id="two points"),
        pytest.param([0, 0, 0, 1, 1, 1, 2, 2, 2], id="a line"),
        pytest.param([0, 0, 0, 9, 0, 0, 9, 9, 3, 0, 9, 0], id="not flat"),
    ],
)
def test_what_is_no_flat_polygon_leaves_the_region_without_a_volume(outline: list[float]) -> None:
    assert volume(square(10, 0), outline) is None


def test_a_polygon_that_is_bent_is_no_contour() -> None:
    assert volume([0, 0, 0, 9, 0, 0, 9, 9, 3, 0, 9, 0]) is None
    assert volume([0, 0, 0, 9, 0, 0, 9, 9, 0.05, 0, 9, 0]) == pytest.approx(81 * 2, rel=1e-3)


def test_contours_that_are_not_parallel_enclose_nothing() -> None:
    upright = [0, 0, 0, 9, 0, 0, 9, 0, 9, 0, 0, 9]
    assert volume(square(10, 0), upright) is None


@given(
    st.lists(st.floats(0.5, 40), min_size=3, max_size=12),
    st.floats(0.5, 6),
    st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda parts: sum(part * part for part in parts) > 0.01),
    st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_a_volume_is_the_same_however_the_patient_lies(
    radii: list[float], spacing: float, turn: tuple[float, ...], move: tuple[float, ...]
) -> None:
    """Triangles of any size on slices in a row, turned and moved: their areas times the spacing."""
    angles = np.array([0.0, 2.1, 4.2])
    rotation = Rotation.from_quat(turn)
    outlines: list[Points] = []
    for place, radius in enumerate(radii):
        flat = np.stack(
            [radius * np.cos(angles), radius * np.sin(angles), np.full(3, place * spacing)], axis=1
        )
        outlines.append(rotation.apply(flat) + np.array(move))
    area = 0.5 * (np.sin(2.1) + np.sin(2.1) + np.sin(2 * np.pi - 4.2))
    expected = spacing * area * sum(radius * radius for radius in radii)
    found = [Contour.of(outline) for outline in outlines]
    between = spacing_mm(contour.offset for contour in found if contour is not None)
    assert between == pytest.approx(spacing, abs=1e-6)
    assert volume_mm3(found, between) == pytest.approx(expected, rel=1e-6)
