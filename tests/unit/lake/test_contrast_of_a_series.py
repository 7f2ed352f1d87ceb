"""A series with one contrasted image is a contrasted one, in whichever order its images come."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

Commit = Callable[[dict[str, list[dict[str, Any]]]], dict[str, int]]
Select = Callable[[str], list[dict[str, Any]]]


@pytest.mark.parametrize("order", [*permutations([None, False, True])])
@pytest.mark.parametrize("apart", [True, False], ids=["one by one", "together"])
def test_yes_stays_whichever_image_came_first(
    fill: Commit, select: Select, rows: Any, order: tuple[bool | None, ...], apart: bool
) -> None:
    series = rows.series()
    told = [{**series, "contrast_declared": one} for one in order]
    for batch in [[row] for row in told] if apart else [told]:
        fill({"image_occurrence": batch})
    assert select("SELECT contrast_declared AS told FROM image_occurrence") == [{"told": True}]


def test_no_is_kept_beside_nothing(fill: Commit, select: Select, rows: Any) -> None:
    series = rows.series()
    for one in (None, False, None):
        fill({"image_occurrence": [{**series, "contrast_declared": one}]})
    assert select("SELECT contrast_declared AS told FROM image_occurrence") == [{"told": False}]
