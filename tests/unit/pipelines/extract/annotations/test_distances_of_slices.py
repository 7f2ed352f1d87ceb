"""How far slices are apart is told by them all, though some were left out as empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.extract.annotations.slices import distinct, spacing_mm


@given(
    st.sets(st.integers(-200, 200), min_size=1),
    st.floats(0.3, 10),
    st.floats(-500, 500),
)
def test_a_told_spacing_holds_whatever_slices_were_left_out(
    kept: set[int], spacing: float, start: float
) -> None:
    assert spacing_mm([start + spacing * number for number in kept], told=spacing) == spacing


@given(st.sets(st.integers(0, 50), min_size=2), st.floats(0.3, 10))
def test_two_neighbours_among_the_slices_tell_the_spacing(kept: set[int], spacing: float) -> None:
    kept |= {min(kept) + 1}
    assert spacing_mm(number * spacing for number in kept) == pytest.approx(spacing)


def test_a_gap_that_slices_of_the_told_thickness_fill_is_of_several() -> None:
    assert spacing_mm([0, 10, 30], thickness=5) == 5


def test_what_is_told_stands_before_what_is_thick() -> None:
    assert spacing_mm([0, 5, 10], told=5, thickness=2.5) == 5


def test_overlapping_slices_are_nearer_than_they_are_thick() -> None:
    assert spacing_mm([0, 2.5, 5], thickness=5) == 2.5


def test_slices_with_space_between_them_are_farther_apart_than_thick() -> None:
    assert spacing_mm([0, 7, 14], thickness=5) == 7


def test_a_single_slice_is_as_thick_as_it_says() -> None:
    assert spacing_mm([12.0], thickness=3) == 3
    assert spacing_mm([12.0]) is None


def test_slices_off_any_grid_have_no_spacing() -> None:
    assert spacing_mm([0, 3, 8]) is None
    assert spacing_mm([0, 3, 8], thickness=5, told=2) is None


def test_a_place_told_twice_is_one() -> None:
    assert distinct([3.0, 1.0, 3.004, 1.0]) == [1.0, 3.0]
