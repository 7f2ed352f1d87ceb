"""Examples as a model sees them: inputs, labels, and how many persons stand behind them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federim.model.identifiers import Pseudonym


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """One side of a split."""

    inputs: NDArray[Any] = field(repr=False)  # first axis: examples; the rest is the task's
    labels: NDArray[np.float64] = field(repr=False)  # shape (n,): 1 for a case, 0 for a control
    persons: int

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """All examples of one site before they are split, each with the person it is about."""

    person_ids: Sequence[Pseudonym] = field(repr=False)  # n of them; a person may recur
    inputs: NDArray[Any] = field(repr=False)
    labels: NDArray[np.float64] = field(repr=False)

    def without(self, persons: Collection[Pseudonym]) -> Cohort:
        """The examples of everybody else."""
        kept = np.array([person not in persons for person in self.person_ids], dtype=bool)
        return Cohort(
            person_ids=[person for person in self.person_ids if person not in persons],
            inputs=self.inputs[kept],
            labels=self.labels[kept],
        )

    def side(self, chosen: NDArray[np.bool_]) -> Examples:
        """The examples where `chosen`, shape (n,), is true."""
        persons = {person for person, kept in zip(self.person_ids, chosen, strict=True) if kept}
        return Examples(inputs=self.inputs[chosen], labels=self.labels[chosen], persons=len(persons))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteData:
    """What one site trains and tests on."""

    train: Examples
    test: Examples
