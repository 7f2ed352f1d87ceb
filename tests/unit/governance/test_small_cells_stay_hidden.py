"""No hidden cell can be worked out from the shown ones and the totals (property, over invented tables)."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from federim.governance.suppression import Cell, hide

THRESHOLD = 11


@st.composite
def tables(draw: st.DrawFn) -> list[Cell]:
    """Up to three dimensions of three values; counts around the threshold; some cells absent."""
    dimensions = draw(st.integers(0, 3))
    keys = draw(
        st.lists(
            st.tuples(*[st.sampled_from("abc")] * dimensions),
            unique=True,
            min_size=0 if dimensions else 1,
            max_size=3**dimensions,
        )
    )
    return [Cell(key, draw(st.integers(1, 30))) for key in keys]


@given(tables())
def test_no_slice_gives_a_hidden_cell_away(cells: list[Cell]) -> None:
    hidden = hide(cells, THRESHOLD)
    dimensions = len(cells[0].key) if cells else 0
    for size in range(dimensions):
        for fixed in combinations(range(dimensions), size):
            slices = defaultdict(list)
            for position, cell in enumerate(cells):
                slices[tuple(cell.key[dimension] for dimension in fixed)].append(position)
            for members in slices.values():
                unseen = [position for position in members if position in hidden.all]
                shown = [position for position in members if position not in hidden.all]
                safe = len(unseen) >= 2 and sum(cells[each].persons for each in unseen) >= THRESHOLD
                assert not unseen or not shown or safe


@given(tables())
def test_every_small_cell_is_hidden_and_a_table_without_one_is_whole(cells: list[Cell]) -> None:
    hidden = hide(cells, THRESHOLD)
    small = {position for position, cell in enumerate(cells) if cell.persons < THRESHOLD}
    assert hidden.small == small
    assert not hidden.small & hidden.complement
    if not small:
        assert hidden.all == frozenset()


def test_ten_is_hidden_and_eleven_is_shown() -> None:
    cells = [Cell(("a",), 10), Cell(("b",), 11), Cell(("c",), 40)]
    assert hide(cells, THRESHOLD).small == {0}


def test_a_lone_small_cell_takes_the_smallest_other_with_it() -> None:
    hidden = hide([Cell(("a",), 4), Cell(("b",), 90), Cell(("c",), 30)], THRESHOLD)
    assert (hidden.small, hidden.complement) == ({0}, {2})


def test_two_cells_too_few_together_take_a_third() -> None:
    hidden = hide([Cell(("a",), 4), Cell(("b",), 5), Cell(("c",), 30), Cell(("d",), 40)], THRESHOLD)
    assert (hidden.small, hidden.complement) == ({0, 1}, {2})


def test_a_small_cell_is_protected_in_its_row_and_its_column() -> None:
    counts = {("f", "ct"): 5, ("f", "mr"): 50, ("m", "ct"): 60, ("m", "mr"): 70}
    hidden = hide([Cell(key, persons) for key, persons in counts.items()], THRESHOLD)
    assert hidden.all == {0, 1, 2, 3}
