"""Choose which cells of a table of counts to hide, so that none can be worked out from the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """A group: its values, one a dimension, and how many persons are in it."""

    key: tuple[Any, ...]
    persons: int


@dataclass(frozen=True, slots=True)
class Hidden:
    """Positions of the cells to hide: the small ones, and those that would give a small one away."""

    small: frozenset[int]
    complement: frozenset[int]

    @property
    def all(self) -> frozenset[int]:
        return self.small | self.complement


def hide(cells: Sequence[Cell], threshold: int) -> Hidden:
    """Hide every cell of fewer than `threshold` persons, and as many others as it takes.

    Whoever knows a total (of the table, or of all cells that share some of their values) may subtract
    what is shown from it. So in each such slice, what is hidden must be no cell, or two and together at least
    `threshold` persons: the smallest shown cells are hidden until that is so, or nothing is shown.

    References
    ----------
    Hundepool et al., Statistical Disclosure Control (2012), chapter 4.
    """
    small = frozenset(position for position, cell in enumerate(cells) if cell.persons < threshold)
    hidden = set(small)
    slices = _slices(cells)
    changed = True
    while changed:
        changed = False
        for members in slices:
            changed |= _protect(cells, members, hidden, threshold)
    return Hidden(small, frozenset(hidden) - small)


def _slices(cells: Sequence[Cell]) -> list[list[int]]:
    """For each way to fix the values of some dimensions and not of all, the cells that have them."""
    dimensions = range(len(cells[0].key) if cells else 0)
    found: list[list[int]] = []
    for size in dimensions:
        for fixed in combinations(dimensions, size):
            groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for position, cell in enumerate(cells):
                groups[tuple(cell.key[dimension] for dimension in fixed)].append(position)
            found.extend(groups.values())
    return found


def _protect(cells: Sequence[Cell], members: Collection[int], hidden: set[int], threshold: int) -> bool:
    """Hide more cells of one slice where what it hides could be worked out; whether any was."""
    unseen = [position for position in members if position in hidden]
    shown = sorted(
        (position for position in members if position not in hidden),
        key=lambda position: (cells[position].persons, position),
    )
    changed = False
    while unseen and shown and (len(unseen) < 2 or sum(cells[each].persons for each in unseen) < threshold):
        unseen.append(shown.pop(0))
        hidden.add(unseen[-1])
        changed = True
    return changed
