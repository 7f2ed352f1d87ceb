"""Read a cohort definition from TOML; every error names the key and what was expected there."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from federim.lake.vocabulary import PERSON_COLUMNS, SERIES_COLUMNS, check_comparison, check_number
from federim.model.cohort import (
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    Condition,
    ConditionCriterion,
    Criterion,
    Index,
    MeasurementCriterion,
    Not,
    Op,
    PersonCriterion,
    ProcedureCriterion,
    SeriesCriterion,
    Which,
    Window,
)
from federim.model.errors import InputError, UnknownName

WORDS = {op.name.lower(): op for op in Op if op not in (Op.EQUAL, Op.ONE_OF)}
GROUPS = ("all", "any", "none")


def parse(name: str, text: str) -> CohortDefinition:
    """The definition called `name` that `text` holds.

    Raises
    ------
    InputError, UnknownName
        Not TOML, or a key is unknown or holds what it should not; the message says which.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"cohort {name}: not valid TOML: {error}") from error
    where = f"cohort {name}"
    title = _text(where, "title", document.pop("title", ""))
    index = document.pop("index", None)
    if index is not None and index not in list(Index):
        raise InputError(f"{where}, index: expected {' or '.join(repr(one.value) for one in Index)}")
    return CohortDefinition(
        name=name,
        title=title,
        criterion=AllOf(_group(where, document)),
        index=None if index is None else Index(index),
    )


def _group(where: str, document: Mapping[str, Any]) -> tuple[Criterion, ...]:
    """The criteria of a table whose keys are kinds of criteria, or groups of them."""
    criteria: list[Criterion] = []
    for key, given in document.items():
        if key not in _KINDS and key not in GROUPS:
            raise UnknownName(f"key of {where}", key, ["title", "index", *_KINDS, *GROUPS])
        blocks = given if isinstance(given, list) else [given]
        for number, block in enumerate(blocks, start=1):
            place = f"{where}, {key}" if len(blocks) == 1 else f"{where}, {key} {number}"
            if not isinstance(block, dict):
                raise InputError(f"{place}: expected a table, written [[{key}]]")
            if key in _KINDS:
                criteria.append(_KINDS[key](place, dict(block)))
            elif key == "all":
                criteria.append(AllOf(_group(place, block)))
            else:
                some = AnyOf(_group(place, block))
                criteria.append(some if key == "any" else Not(some))
    if not criteria:
        raise InputError(f"{where}: expected at least one of {', '.join(_KINDS)}")
    return tuple(criteria)


def _person(where: str, block: dict[str, Any]) -> Criterion:
    return PersonCriterion(_conditions(where, block, PERSON_COLUMNS))


def _series(where: str, block: dict[str, Any]) -> Criterion:
    within = _window(where, block)
    return SeriesCriterion(_conditions(where, block, SERIES_COLUMNS), within)


def _measurement(where: str, block: dict[str, Any]) -> Criterion:
    code, within = _code(where, block), _window(where, block)
    value = block.pop("value", None)
    comparisons = () if value is None else _comparisons(f"{where}, value", value)
    for comparison in comparisons:
        check_number(f"{where}, value", comparison)
    unit = _text(where, "unit", block.pop("unit", ""))
    which = block.pop("which", Which.ANY.value)
    if which not in list(Which):
        raise InputError(f"{where}, which: expected {', '.join(repr(one.value) for one in Which)}")
    _nothing_left(where, block, ["value", "unit", "which"])
    return MeasurementCriterion(code, comparisons, unit, Which(which), within)


def _condition(where: str, block: dict[str, Any]) -> Criterion:
    code, within = _code(where, block), _window(where, block)
    _nothing_left(where, block, [])
    return ConditionCriterion(code, within)


def _procedure(where: str, block: dict[str, Any]) -> Criterion:
    code, within = _code(where, block), _window(where, block)
    _nothing_left(where, block, [])
    return ProcedureCriterion(code, within)


_KINDS: dict[str, Callable[[str, dict[str, Any]], Criterion]] = {
    "person": _person,
    "series": _series,
    "measurement": _measurement,
    "condition": _condition,
    "procedure": _procedure,
}


def _conditions(where: str, block: Mapping[str, Any], columns: Mapping[str, Any]) -> tuple[Condition, ...]:
    found = []
    for name, given in block.items():
        if name not in columns:
            raise UnknownName(f"column in {where}", name, columns)
        for comparison in _comparisons(f"{where}, {name}", given):
            check_comparison(f"{where}, {name}", columns[name], comparison)
            found.append(Condition(name, comparison))
    return tuple(found)


def _comparisons(where: str, given: Any) -> tuple[Comparison, ...]:
    if isinstance(given, dict):
        if not given:
            raise InputError(f"{where}: expected one of {', '.join(WORDS)}")
        return tuple(_comparison(where, word, value) for word, value in given.items())
    if isinstance(given, list):
        return (Comparison(Op.ONE_OF, tuple(_scalar(where, value) for value in given)),)
    return (Comparison(Op.EQUAL, _scalar(where, given)),)


def _comparison(where: str, word: str, value: Any) -> Comparison:
    if word not in WORDS:
        raise UnknownName(f"comparison in {where}", word, WORDS)
    return Comparison(WORDS[word], _scalar(f"{where}.{word}", value))


def _scalar(where: str, value: Any) -> str | int | float | bool | date:
    if isinstance(value, str | int | float | bool | date):
        return value
    raise InputError(f"{where}: expected text, a number, true or false")


def _code(where: str, block: dict[str, Any]) -> Code:
    exact, beginning = block.pop("code", None), block.pop("code_starts_with", None)
    if (exact is None) == (beginning is None):
        raise InputError(f"{where}: expected either code or code_starts_with")
    given = exact if beginning is None else beginning
    values = given if isinstance(given, list) else [given]
    if not values or not all(isinstance(value, str) and value for value in values):
        raise InputError(f'{where}, code: expected text or a list of texts, in quotes: "1988-5"')
    return Code(tuple(values), beginning is not None, _text(where, "system", block.pop("system", "")))


def _window(where: str, block: dict[str, Any]) -> Window | None:
    given = block.pop("within_days", None)
    if given is None:
        return None
    sides = given if isinstance(given, dict) else {"before": given, "after": given}
    if not sides or not sides.keys() <= {"before", "after"}:
        raise InputError(f"{where}, within_days: expected a number of days, or before and after")
    return Window(*(_days(f"{where}, within_days", sides.get(side, 0)) for side in ("before", "after")))


def _days(where: str, given: Any) -> int | None:
    if given == "any":
        return None
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    raise InputError(f'{where}: expected a whole number of days, or "any"')


def _text(where: str, key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise InputError(f"{where}, {key}: expected text, in quotes")


def _nothing_left(where: str, block: Mapping[str, Any], more: list[str]) -> None:
    for key in block:
        raise UnknownName(
            f"key of {where}", key, ["code", "code_starts_with", "system", "within_days", *more]
        )
