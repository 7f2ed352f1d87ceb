"""How a column, a code and a date are compared: the parts that criteria are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from federim.model.errors import InputError

Scalar = str | int | float | bool | date

# A field of the second version of definitions: those that leave it as it was keep their document and hash.
ADDED_LATER: dict[str, Any] = {"added_later": True}


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
    """Which of a person's events has to meet the comparison.

    `FIRST`, `LAST` and `CLOSEST` choose one of the dated events that meet code, unit, columns and window.
    Of two on one day, `FIRST` and `CLOSEST` take the lower instant, then the lower identifier, `LAST` the
    higher ones; an event without instant comes after those with one. Of two equally close, the earlier one.
    """

    ANY = "any"
    FIRST = "first"
    LAST = "last"
    CLOSEST = "closest"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and what stands on its right; a tuple for `ONE_OF` alone.

    Raises
    ------
    InputError
        A number is infinite or none at all: nothing measured is.
    """

    op: Op
    value: Scalar | tuple[Scalar, ...]

    def __post_init__(self) -> None:
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        if any(isinstance(value, float) and not math.isfinite(value) for value in values):
            raise InputError("a value is compared with a finite number: neither nan nor inf")


@dataclass(frozen=True, slots=True)
class Condition:
    """One column compared. A null meets no comparison."""

    column: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Window:
    """From `before` days before day 0 to `after` days after it, both included; None is no limit.

    Day 0 is the index date, or with `of` the date of the criterion called so: the earliest among its matches.
    A negative number is the other side: (None, -1) is any day before day 0.
    """

    before: int | None
    after: int | None
    of: str = field(default="", metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class Code:
    """Codes as the source gave them: exactly one of `values`, or beginning with one of them."""

    values: tuple[str, ...]
    starts_with: bool = False
    system: str = ""  # code system URI; "" accepts any
