"""Sums from sites give the mean and deviation of all rows, and hide what few persons have."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from federim_federated.statistics import combine, summarise

numbers = st.floats(min_value=-1e4, max_value=1e4, allow_nan=False)
sites = st.lists(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=numbers),
    min_size=1,
    max_size=4,
)


@given(sites)
def test_sites_together_are_as_one(parts):
    mean, deviation = combine([summarise(part, small_cell=1) for part in parts])
    rows = np.concatenate(parts)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-9, atol=1e-9)
    spread = rows.std(axis=0)
    steady = spread**2 <= 1e-11 * np.maximum(rows.mean(axis=0) ** 2, 1e-300)
    np.testing.assert_allclose(deviation[~steady], spread[~steady], rtol=1e-3)


@given(st.integers(1, 30), st.integers(1, 15))
def test_a_feature_few_persons_have_is_told_as_none(persons, small_cell):
    inputs = np.full((40, 2), 5.0)
    inputs[persons:, 1] = np.nan
    told = summarise(inputs, small_cell=small_cell)
    hidden = persons < small_cell
    assert told["count"].tolist() == [40, 0 if hidden else persons]
    assert told["sum"][1] == (0.0 if hidden else 5.0 * persons)
    assert told["squares"][1] == (0.0 if hidden else 25.0 * persons)


def test_a_feature_nobody_has_or_that_never_varies_divides_by_one():
    inputs = np.array([[np.nan, 7.3]] * 20)
    mean, deviation = combine([summarise(inputs, small_cell=11)])
    assert mean[0] == 0.0
    np.testing.assert_allclose(mean[1], 7.3)
    assert deviation.tolist() == [1.0, 1.0]
