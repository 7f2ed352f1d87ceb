"""What a language must give to say a cohort definition: every phrase that `say` puts together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from federim.model.cohort import Criterion, Index, Op, Which


class Language(StrEnum):
    """The languages a definition is said in."""

    ENGLISH = "en"
    FRENCH = "fr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Phrases with their places in braces, as `str.format` fills them."""

    cohort: str  # {name}
    index: Mapping[Index, str]
    included: str
    all_of: str
    any_of: str
    none_of: str
    negated: str
    person: str
    any_person: str
    events: Mapping[type[Criterion], Mapping[Which, str]]  # {anchor} in that of `CLOSEST`
    code: str  # {codes}
    code_begins: str  # {codes}
    system: str  # {system}
    value: str  # {value}
    unit: str  # {unit}: of a criterion that names one and compares nothing
    without_unit: str
    named: str  # {name}: a criterion that windows refer to
    comparisons: Mapping[Op, str]  # {value}
    both: str
    either: str
    between_conditions: str
    condition: str  # {column}, {wanted}
    columns: Mapping[str, str]
    units: Mapping[str, str]
    values: Mapping[tuple[str, int], str]
    systems: Mapping[str, str]
    yes: str
    no: str
    decimal: str
    quotes: tuple[str, str]
    day_zero: str  # also {anchor}
    day_of: str  # {name}: the day itself of the criterion called so
    around: str  # {name}: {anchor} of a criterion called so
    closest_to_zero: str
    closest_to: str  # {name}
    before: str  # {count}, {anchor}
    one_before: str  # {anchor}
    after: str
    one_after: str
    from_day: str  # {day}
    to_day: str  # {day}
    any_day: str  # {anchor}
    about_markers: str
    about_choice: str
    thousands: str
    in_lake: str
    persons: str  # {count}
    series: str  # {count}
    left_out: str  # {count}
    both_hidden: str  # persons and series
    series_hidden: str
    left_out_hidden: str
    excluded: str  # {rule}
    flow: str  # {name}
    about_hidden: str  # {threshold}
