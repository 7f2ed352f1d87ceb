"""A named cohort: its criteria, its index event, and how the dates in it depend on one another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from federim.model.cohort.comparison import Which
from federim.model.cohort.document import document
from federim.model.cohort.kinds import (
    ConditionCriterion,
    Criterion,
    Event,
    MeasurementCriterion,
    ProcedureCriterion,
    SeriesCriterion,
    events,
    leaves,
)
from federim.model.errors import InputError, UnknownName

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Index(StrEnum):
    """The event whose date is a person's index date, day 0 of every window that names no other."""

    SERIES = "first series"
    MEASUREMENT = "first measurement"
    CONDITION = "first condition"
    PROCEDURE = "first procedure"


INDEXED_BY: dict[Index, type[Criterion]] = {
    Index.SERIES: SeriesCriterion,
    Index.MEASUREMENT: MeasurementCriterion,
    Index.CONDITION: ConditionCriterion,
    Index.PROCEDURE: ProcedureCriterion,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortDefinition:
    """A named cohort: who is in it, and what their index date is.

    The index date is the earliest date among the matches of the criteria of the index's kind that have no
    window, are no `CLOSEST` one and stand under no `Not`.

    Raises
    ------
    InputError
        A name is not a short lower-case word or is given twice, a window or `CLOSEST` lacks an index, the
        index lacks a criterion, or criteria are dated by one another in a circle.
    UnknownName
        A window is around a criterion that is not there.
    """

    name: str
    criterion: Criterion
    index: Index | None = None
    title: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError("a cohort's name is 1 to 40 lower-case letters, digits and hyphens: chest-ct")
        found = events(self.criterion)
        called = _called(self.name, found)
        for leaf in found:
            if self.index is None and not (leaf.within and leaf.within.of):
                if leaf.within:
                    raise InputError(
                        f"cohort {self.name}: within_days needs an index, for example 'first series', or 'of'"
                    )
                if leaf.which is Which.CLOSEST:
                    raise InputError(
                        f"cohort {self.name}: which = 'closest' needs an index, or within_days with 'of'"
                    )
            _check_chain(self.name, leaf, called)
        if self.index is not None and not self.index_criteria:
            kind = self.index.value.removeprefix("first ")
            raise InputError(
                f"cohort {self.name}: index '{self.index.value}' needs a {kind} criterion without within_days"
            )

    @property
    def index_criteria(self) -> tuple[Criterion, ...]:
        """The criteria whose matches date the index."""
        if self.index is None:
            return ()
        kind = INDEXED_BY[self.index]
        return tuple(
            leaf
            for leaf, negated in leaves(self.criterion)
            if isinstance(leaf, kind)
            and isinstance(leaf, Event)
            and not negated
            and leaf.within is None
            and leaf.which is not Which.CLOSEST
        )

    def as_document(self) -> dict[str, Any]:
        """The definition as plain JSON values, equal for equal definitions; the title is no part of it."""
        return {
            "name": self.name,
            "index": self.index.value if self.index else None,
            "criterion": document(self.criterion),
        }


def _called(name: str, found: Mapping[Event, None]) -> dict[str, Event]:
    called: dict[str, Event] = {}
    for leaf in found:
        if not leaf.called:
            continue
        if not NAME.fullmatch(leaf.called):
            raise InputError(
                f"cohort {name}: a criterion is called by 1 to 40 lower-case letters, digits and hyphens"
            )
        if leaf.called in called:
            raise InputError(f"cohort {name}: two criteria are called '{leaf.called}'")
        called[leaf.called] = leaf
    return called


def _check_chain(name: str, leaf: Event, called: Mapping[str, Event]) -> None:
    """Raise unless each window around another criterion leads, from one to the next, to one without."""
    passed: set[str] = set()
    within = leaf.within
    while within and within.of:
        if within.of not in called:
            raise UnknownName(f"criterion of cohort {name}", within.of, called)
        if within.of in passed:
            raise InputError(
                f"cohort {name}: criterion '{within.of}' is dated by itself, through within_days"
            )
        passed.add(within.of)
        within = called[within.of].within
