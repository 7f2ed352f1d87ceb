"""A parametric map is summed up in real-world units, one pass over its frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from annotation_objects import COLUMNS, ROWS, SERIES, parametric_map, scan
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from federim_pipelines.extract.annotations.parametric_map import Summary

Rows = list[dict[str, Any]]
MEAN, DEVIATION, LEAST, GREATEST = "373098007", "386136009", "255605001", "56851009"


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(7).normal(800, 120, (3, ROWS, COLUMNS)).astype(np.float32)


def summed(found: Rows) -> dict[str, float]:
    return {row["derivation_source_value"]: row["value_as_number"] for row in found}


def test_mean_deviation_least_and_greatest(
    rows: Callable[..., Rows], uid: Callable[[str], str], values: np.ndarray
) -> None:
    found = rows(parametric_map(scan(3), values))
    real = values.astype(np.float64) * 0.5 + 1.0
    assert summed(found) == {
        MEAN: pytest.approx(real.mean()),
        DEVIATION: pytest.approx(real.std()),
        LEAST: real.min(),
        GREATEST: real.max(),
    }
    assert {row["feature_source_value"] for row in found} == {"113041"}  # apparent diffusion coefficient
    assert {row["unit_source_value"] for row in found} == {"mm2/s"}
    assert {row["SeriesInstanceUID"] for row in found} == {uid(SERIES)}
    assert len({row["image_finding_id"] for row in found}) == 1
    assert len({row["image_feature_id"] for row in found}) == 4


def test_what_is_no_number_and_what_is_padding_is_left_out(
    rows: Callable[..., Rows], values: np.ndarray
) -> None:
    values[0, 0, 0], values[1, 2, 3] = np.nan, -9999.0
    made = parametric_map(scan(3), values)
    made.FloatPixelPaddingValue = -9999.0
    kept = values[np.isfinite(values) & (values != -9999.0)].astype(np.float64) * 0.5 + 1.0
    found = summed(rows(made))
    assert found[LEAST] == kept.min()
    assert found[MEAN] == pytest.approx(kept.mean())


def test_a_map_of_nobody_knows_what_has_no_row(rows: Callable[..., Rows], values: np.ndarray) -> None:
    assert rows(parametric_map(scan(3), values, quantity=False)) == []


@given(
    st.lists(
        arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)),
        min_size=1,
        max_size=8,
    )
)
def test_a_sum_over_frames_is_that_of_all_at_once(frames: list[np.ndarray]) -> None:
    summary = Summary()
    for frame in frames:
        summary.add(frame)
    together = np.concatenate(frames)
    assert summary.count == together.size
    assert summary.mean == pytest.approx(together.mean(), rel=1e-9, abs=1e-6)
    assert summary.deviation == pytest.approx(together.std(), rel=1e-6, abs=1e-6)
    assert (summary.least, summary.greatest) == (together.min(), together.max())
