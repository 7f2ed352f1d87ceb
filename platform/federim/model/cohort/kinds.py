"""The kinds of criteria: something that holds of a person or does not, alone or combined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from federim.model.cohort.comparison import ADDED_LATER, Code, Comparison, Condition, Which, Window

NO_UNIT = "none"
"""The `unit` of numbers that the source gave without one."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """Something that holds of a person or does not; `&`, `|` and `~` combine criteria."""

    def __and__(self, other: Criterion) -> Criterion:
        return AllOf((self, other))

    def __or__(self, other: Criterion) -> Criterion:
        return AnyOf((self, other))

    def __invert__(self) -> Criterion:
        return Not(self)


@dataclass(frozen=True, slots=True)
class PersonCriterion(Criterion):
    """The person's row meets every condition."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class SeriesCriterion(Criterion):
    """The person has a series that meets every condition. Its matches are the cohort's series."""

    conditions: tuple[Condition, ...]
    within: Window | None = None
    which: Which = field(default=Which.ANY, metadata=ADDED_LATER)
    called: str = field(default="", metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class MeasurementCriterion(Criterion):
    """The person has a result of that code that meets every comparison.

    With `unit`, results in other units do not count. A result beyond the device's range ("<5") counts as
    its limit. `which` chooses among the dated results of that code, unit and window.
    """

    code: Code
    value: tuple[Comparison, ...] = ()
    unit: str = ""  # UCUM, or NO_UNIT
    which: Which = Which.ANY
    within: Window | None = None
    called: str = field(default="", metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class ConditionCriterion(Criterion):
    """The person has a diagnosis of that code."""

    code: Code
    within: Window | None = None
    which: Which = field(default=Which.ANY, metadata=ADDED_LATER)
    called: str = field(default="", metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class ProcedureCriterion(Criterion):
    """An act of that code was done on the person."""

    code: Code
    within: Window | None = None
    which: Which = field(default=Which.ANY, metadata=ADDED_LATER)
    called: str = field(default="", metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class DrugCriterion(Criterion):
    """A drug of that code was given, contrast media among them."""

    code: Code
    within: Window | None = None
    which: Which = Which.ANY
    called: str = ""


@dataclass(frozen=True, slots=True)
class FeatureCriterion(Criterion):
    """A value of that code was measured on an image of the person: in a structured report, for example.

    Its date is that of the series it was measured on, or of the study where the series is not known.
    """

    code: Code
    value: tuple[Comparison, ...] = ()
    unit: str = ""  # UCUM, or NO_UNIT
    conditions: tuple[Condition, ...] = ()
    which: Which = Which.ANY
    within: Window | None = None
    called: str = ""


@dataclass(frozen=True, slots=True)
class SegmentCriterion(Criterion):
    """Something that meets every condition was outlined on an image of the person.

    Its date is that of the series it was drawn on.
    """

    conditions: tuple[Condition, ...]
    within: Window | None = None
    which: Which = Which.ANY
    called: str = ""


@dataclass(frozen=True, slots=True)
class AllOf(Criterion):
    """Every one holds."""

    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Criterion):
    """At least one holds."""

    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Not(Criterion):
    """It does not hold."""

    criterion: Criterion


Event = (
    SeriesCriterion
    | MeasurementCriterion
    | ConditionCriterion
    | ProcedureCriterion
    | DrugCriterion
    | FeatureCriterion
    | SegmentCriterion
)


def leaves(criterion: Criterion, *, negated: bool = False) -> Iterator[tuple[Criterion, bool]]:
    """The criteria that are no combination, in order, each with whether it stands under a `Not`."""
    if isinstance(criterion, AllOf | AnyOf):
        for part in criterion.criteria:
            yield from leaves(part, negated=negated)
    elif isinstance(criterion, Not):
        yield from leaves(criterion.criterion, negated=True)
    else:
        yield criterion, negated


def events(criterion: Criterion) -> dict[Event, None]:
    """The different dated criteria among the leaves, in order."""
    return dict.fromkeys(leaf for leaf, _ in leaves(criterion) if isinstance(leaf, Event))
