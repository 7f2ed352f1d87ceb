"""What a cohort is: criteria on persons, their series and their records, combined with and, or, not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any

from federim.model.errors import InputError

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

Scalar = str | int | float | bool | date


class Op(StrEnum):
    """How a column's value is compared. The name, in lower case, is the word used in TOML and in Python."""

    EQUAL = "="
    ONE_OF = "in"
    AT_LEAST = ">="
    AT_MOST = "<="
    ABOVE = ">"
    BELOW = "<"
    STARTS_WITH = "starts with"


class Which(StrEnum):
    """Which of a person's results has to meet the comparison."""

    ANY = "any"
    FIRST = "first"
    LAST = "last"


class Index(StrEnum):
    """The event whose date is a person's index date, day 0 of every window."""

    SERIES = "first series"
    MEASUREMENT = "first measurement"
    CONDITION = "first condition"
    PROCEDURE = "first procedure"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and what stands on its right; a tuple for `ONE_OF` alone."""

    op: Op
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One column compared. A null meets no comparison."""

    column: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Window:
    """From `before` days before the index date to `after` days after it, both included; None is no limit."""

    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Code:
    """Codes as the source gave them: exactly one of `values`, or beginning with one of them."""

    values: tuple[str, ...]
    starts_with: bool = False
    system: str = ""  # code system URI; "" accepts any


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


@dataclass(frozen=True, slots=True)
class MeasurementCriterion(Criterion):
    """The person has a result of that code that meets every comparison.

    With `unit`, results in other units do not count. A result beyond the device's range ("<5") counts as
    its limit. `FIRST` and `LAST` choose among the dated results of that code, unit and window.
    """

    code: Code
    value: tuple[Comparison, ...] = ()
    unit: str = ""
    which: Which = Which.ANY
    within: Window | None = None


@dataclass(frozen=True, slots=True)
class ConditionCriterion(Criterion):
    """The person has a diagnosis of that code."""

    code: Code
    within: Window | None = None


@dataclass(frozen=True, slots=True)
class ProcedureCriterion(Criterion):
    """An act of that code was done on the person."""

    code: Code
    within: Window | None = None


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


Event = SeriesCriterion | MeasurementCriterion | ConditionCriterion | ProcedureCriterion

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
    window and stand under no `Not`.

    Raises
    ------
    InputError
        The name is not a short lower-case word, a window lacks an index, or the index lacks a criterion.
    """

    name: str
    criterion: Criterion
    index: Index | None = None
    title: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError("a cohort's name is 1 to 40 lower-case letters, digits and hyphens: chest-ct")
        windows = any(getattr(leaf, "within", None) for leaf, _ in leaves(self.criterion))
        if self.index is None:
            if windows:
                raise InputError(
                    f"cohort {self.name}: within_days needs an index, for example 'first series'"
                )
        elif not self.index_criteria:
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
            if isinstance(leaf, kind) and not negated and getattr(leaf, "within", None) is None
        )

    def as_document(self) -> dict[str, Any]:
        """The definition as plain JSON values, equal for equal definitions; the title is no part of it."""
        return {
            "name": self.name,
            "index": self.index.value if self.index else None,
            "criterion": _document(self.criterion),
        }


def leaves(criterion: Criterion, *, negated: bool = False) -> Iterator[tuple[Criterion, bool]]:
    """The criteria that are no combination, in order, each with whether it stands under a `Not`."""
    if isinstance(criterion, AllOf | AnyOf):
        for part in criterion.criteria:
            yield from leaves(part, negated=negated)
    elif isinstance(criterion, Not):
        yield from leaves(criterion.criterion, negated=True)
    else:
        yield criterion, negated


def _document(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_document(part) for part in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        parts = {field.name: _document(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **parts} if isinstance(value, Criterion) else parts
    return value
