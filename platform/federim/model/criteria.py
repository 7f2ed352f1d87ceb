"""Write a cohort's criteria in Python: `series(Modality="CT") & measurement("1988-5", above(10))`."""

from __future__ import annotations

from collections.abc import Sequence

from federim.model.cohort import (
    Code,
    Comparison,
    Condition,
    ConditionCriterion,
    DrugCriterion,
    FeatureCriterion,
    MeasurementCriterion,
    Op,
    PersonCriterion,
    ProcedureCriterion,
    Scalar,
    SegmentCriterion,
    SeriesCriterion,
    Which,
    Window,
)

Comparable = Scalar | Sequence[Scalar] | Comparison | tuple[Comparison, ...]
Codes = str | Sequence[str] | Comparison
Days = int | tuple[int | None, int | None] | Window


def at_least(value: Scalar) -> Comparison:
    """Greater than or equal to `value`."""
    return Comparison(Op.AT_LEAST, value)


def at_most(value: Scalar) -> Comparison:
    """Less than or equal to `value`."""
    return Comparison(Op.AT_MOST, value)


def above(value: Scalar) -> Comparison:
    """Greater than `value`."""
    return Comparison(Op.ABOVE, value)


def below(value: Scalar) -> Comparison:
    """Less than `value`."""
    return Comparison(Op.BELOW, value)


def starts_with(value: str) -> Comparison:
    """Text that begins with `value`."""
    return Comparison(Op.STARTS_WITH, value)


def between(low: Scalar, high: Scalar) -> tuple[Comparison, ...]:
    """In [low, high]."""
    return (at_least(low), at_most(high))


def days(*, before: int | None = 0, after: int | None = 0, of: str = "") -> Window:
    """From `before` days before to `after` days after the index date, or the criterion called `of`.

    None is no limit, and a negative number the other side: `days(before=None, after=-1)` is any day before.
    """
    return Window(before, after, of)


def person(**columns: Comparable) -> PersonCriterion:
    """Persons by columns of `person`: a value, a list of values or a comparison each."""
    return PersonCriterion(conditions(columns))


def series(
    *,
    within_days: Days | None = None,
    which: Which | str = Which.ANY,
    called: str = "",
    **columns: Comparable,
) -> SeriesCriterion:
    """Persons with a series, by columns of `image_occurrence`, `study` or `volume_geometry`."""
    return SeriesCriterion(conditions(columns), window(within_days), Which(which), called)


def measurement(
    code: Codes,
    value: Comparable | None = None,
    *,
    unit: str = "",
    which: Which | str = Which.ANY,
    system: str = "",
    within_days: Days | None = None,
    called: str = "",
) -> MeasurementCriterion:
    """Persons with a result; `value` needs `unit`, the one (UCUM) that the lake keeps them in."""
    wanted = () if value is None else comparisons(value)
    return MeasurementCriterion(codes(code, system), wanted, unit, Which(which), window(within_days), called)


def condition(
    code: Codes,
    *,
    system: str = "",
    within_days: Days | None = None,
    which: Which | str = Which.ANY,
    called: str = "",
) -> ConditionCriterion:
    """Persons with a diagnosis: `condition("C34.1")`, `condition(starts_with("C34"))`."""
    return ConditionCriterion(codes(code, system), window(within_days), Which(which), called)


def procedure(
    code: Codes,
    *,
    system: str = "",
    within_days: Days | None = None,
    which: Which | str = Which.ANY,
    called: str = "",
) -> ProcedureCriterion:
    """Persons an act was done on."""
    return ProcedureCriterion(codes(code, system), window(within_days), Which(which), called)


def drug(
    code: Codes,
    *,
    system: str = "",
    within_days: Days | None = None,
    which: Which | str = Which.ANY,
    called: str = "",
) -> DrugCriterion:
    """Persons a drug was given to: `drug(starts_with("V08"))` is any contrast medium (ATC)."""
    return DrugCriterion(codes(code, system), window(within_days), Which(which), called)


def feature(
    code: Codes,
    value: Comparable | None = None,
    *,
    unit: str = "",
    which: Which | str = Which.ANY,
    system: str = "",
    within_days: Days | None = None,
    called: str = "",
    **columns: Comparable,
) -> FeatureCriterion:
    """Persons with a value measured on an image, by code, value, and columns of `image_feature`."""
    wanted = () if value is None else comparisons(value)
    return FeatureCriterion(
        codes(code, system), wanted, unit, conditions(columns), Which(which), window(within_days), called
    )


def segment(
    *,
    within_days: Days | None = None,
    which: Which | str = Which.ANY,
    called: str = "",
    **columns: Comparable,
) -> SegmentCriterion:
    """Persons with something outlined on an image, by columns of `segment`."""
    return SegmentCriterion(conditions(columns), window(within_days), Which(which), called)


def conditions(columns: dict[str, Comparable]) -> tuple[Condition, ...]:
    """One condition a column and comparison."""
    return tuple(
        Condition(column, comparison)
        for column, wanted in columns.items()
        for comparison in comparisons(wanted)
    )


def comparisons(wanted: Comparable) -> tuple[Comparison, ...]:
    """A value is equality with it, a list is membership in it."""
    if isinstance(wanted, Comparison):
        return (wanted,)
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        parts = tuple(wanted)
        given = tuple(part for part in parts if isinstance(part, Comparison))
        if given:
            return given
        return (Comparison(Op.ONE_OF, tuple(part for part in parts if not isinstance(part, Comparison))),)
    return (Comparison(Op.EQUAL, wanted),)


def codes(code: Codes, system: str) -> Code:
    """Codes, or the beginning of codes."""
    if isinstance(code, Comparison):
        return Code((str(code.value),), starts_with=code.op is Op.STARTS_WITH, system=system)
    return Code((code,) if isinstance(code, str) else tuple(code), system=system)


def window(given: Days | None) -> Window | None:
    """A number of days on both sides, (before, after), or a window."""
    if given is None or isinstance(given, Window):
        return given
    return Window(given, given) if isinstance(given, int) else Window(*given)
