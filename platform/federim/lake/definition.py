"""Read a cohort definition from TOML; every error names the key and what was expected there."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from federim.lake.vocabulary import COLUMNS, check
from federim.model.cohort import (
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    Condition,
    ConditionCriterion,
    Criterion,
    DrugCriterion,
    FeatureCriterion,
    Index,
    MeasurementCriterion,
    Not,
    Op,
    PersonCriterion,
    ProcedureCriterion,
    SegmentCriterion,
    SeriesCriterion,
    Which,
    Window,
)
from federim.model.errors import InputError, UnknownName

WORDS = {op.name.lower(): op for op in Op if op not in (Op.EQUAL, Op.ONE_OF)}
GROUPS = ("all", "any", "none")
TREE = "criterion"  # the one key that holds a whole tree, where the order of kinds matters
COMBINED = ("all", "any", "not")


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
    tree = document.pop(TREE, None)
    if tree is not None and document:
        raise InputError(f"{where}: beside [{TREE}] there is no other criterion; found {min(document)!r}")
    return CohortDefinition(
        name=name,
        title=title,
        criterion=AllOf(_group(where, document)) if tree is None else _tree(f"{where}, {TREE}", tree),
        index=None if index is None else Index(index),
    )


def _tree(where: str, given: Any) -> Criterion:
    """A criterion that says its kind: one of those of `_group`, or a combination `of` others."""
    if not isinstance(given, dict):
        raise InputError(f"{where}: expected a table with a kind")
    block = dict(given)
    kind = block.pop("kind", None)
    if kind in _KINDS:
        return _leaf(kind, where, block)
    if kind not in COMBINED:
        raise InputError(f"{where}, kind: expected {', '.join((*_KINDS, *COMBINED))}")
    parts = block.pop("of", [])
    if block or not isinstance(parts, list) or (kind == "not" and len(parts) != 1):
        raise InputError(f"{where}: {kind} has 'of' alone, a list of criteria{', one' * (kind == 'not')}")
    found = tuple(_tree(f"{where}, of {number}", part) for number, part in enumerate(parts, start=1))
    if kind == "not":
        return Not(found[0])
    return AllOf(found) if kind == "all" else AnyOf(found)


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
                criteria.append(_leaf(key, place, dict(block)))
            elif key == "all":
                criteria.append(AllOf(_group(place, block)))
            else:
                some = AnyOf(_group(place, block))
                criteria.append(some if key == "any" else Not(some))
    if not criteria:
        raise InputError(f"{where}: expected at least one of {', '.join(_KINDS)}")
    return tuple(criteria)


def _leaf(kind: str, where: str, block: dict[str, Any]) -> Criterion:
    criterion = _KINDS[kind](where, block)
    check(where, criterion)
    return criterion


def _person(where: str, block: dict[str, Any]) -> Criterion:
    return PersonCriterion(_conditions(where, block, PersonCriterion))


def _series(where: str, block: dict[str, Any]) -> Criterion:
    within, which, called = _event(where, block)
    return SeriesCriterion(_conditions(where, block, SeriesCriterion), within, which, called)


def _segment(where: str, block: dict[str, Any]) -> Criterion:
    within, which, called = _event(where, block)
    return SegmentCriterion(_conditions(where, block, SegmentCriterion), within, which, called)


def _measurement(where: str, block: dict[str, Any]) -> Criterion:
    code, (within, which, called) = _code(where, block), _event(where, block)
    value, unit = _measured(where, block)
    _nothing_left(where, block, ["value", "unit"])
    return MeasurementCriterion(code, value, unit, which, within, called)


def _feature(where: str, block: dict[str, Any]) -> Criterion:
    code, (within, which, called) = _code(where, block), _event(where, block)
    value, unit = _measured(where, block)
    conditions = _conditions(where, block, FeatureCriterion)
    return FeatureCriterion(code, value, unit, conditions, which, within, called)


def _condition(where: str, block: dict[str, Any]) -> Criterion:
    return ConditionCriterion(*_coded_event(where, block))


def _procedure(where: str, block: dict[str, Any]) -> Criterion:
    return ProcedureCriterion(*_coded_event(where, block))


def _drug(where: str, block: dict[str, Any]) -> Criterion:
    return DrugCriterion(*_coded_event(where, block))


_KINDS: dict[str, Callable[[str, dict[str, Any]], Criterion]] = {
    "person": _person,
    "series": _series,
    "measurement": _measurement,
    "condition": _condition,
    "procedure": _procedure,
    "drug": _drug,
    "feature": _feature,
    "segment": _segment,
}


def _coded_event(where: str, block: dict[str, Any]) -> tuple[Code, Window | None, Which, str]:
    code, (within, which, called) = _code(where, block), _event(where, block)
    _nothing_left(where, block, [])
    return code, within, which, called


def _event(where: str, block: dict[str, Any]) -> tuple[Window | None, Which, str]:
    """What every event may say of its date: window, choice, and the name that others refer to."""
    within, which = _window(where, block), block.pop("which", Which.ANY.value)
    if which not in list(Which):
        raise InputError(f"{where}, which: expected {', '.join(repr(one.value) for one in Which)}")
    return within, Which(which), _text(where, "called", block.pop("called", ""))


def _measured(where: str, block: dict[str, Any]) -> tuple[tuple[Comparison, ...], str]:
    value = block.pop("value", None)
    comparisons = () if value is None else _comparisons(f"{where}, value", value)
    return comparisons, _text(where, "unit", block.pop("unit", ""))


def _conditions(where: str, block: Mapping[str, Any], kind: type[Criterion]) -> tuple[Condition, ...]:
    columns, found = COLUMNS[kind], []
    for name, given in block.items():
        if name not in columns:
            raise UnknownName(f"column in {where}", name, columns)
        found += [Condition(name, comparison) for comparison in _comparisons(f"{where}, {name}", given)]
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
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}: expected a finite number, neither nan nor inf")
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
    sides = dict(given) if isinstance(given, dict) else {"before": given, "after": given}
    of = _text(f"{where}, within_days", "of", sides.pop("of", ""))
    if not sides or not sides.keys() <= {"before", "after"}:
        raise InputError(f"{where}, within_days: expected a number of days, or before and after")
    before, after = (_days(f"{where}, within_days", sides.get(side, 0)) for side in ("before", "after"))
    return Window(before, after, of)


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
            f"key of {where}",
            key,
            ["code", "code_starts_with", "system", "within_days", "which", "called", *more],
        )
