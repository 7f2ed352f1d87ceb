"""Write a cohort definition as TOML that reads back as the same definition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from federim.lake.definition import TREE, WORDS, parse
from federim.model.cohort import (
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    ConditionCriterion,
    Criterion,
    DrugCriterion,
    Event,
    FeatureCriterion,
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
from federim.model.errors import FederimError, InputError

_WORD_OF: Final = {op: word for word, op in WORDS.items()}
_KIND_OF: Final[dict[type[Criterion], str]] = {
    PersonCriterion: "person",
    SeriesCriterion: "series",
    MeasurementCriterion: "measurement",
    ConditionCriterion: "condition",
    ProcedureCriterion: "procedure",
    DrugCriterion: "drug",
    FeatureCriterion: "feature",
    SegmentCriterion: "segment",
}


def to_toml(definition: CohortDefinition) -> str:
    """The definition in TOML: as people write it where that keeps the order of its criteria, else as a tree.

    Raises
    ------
    InputError
        TOML has no words for it: made by hand, it compares one column in a way that no file can say.
    """
    head: dict[str, Any] = {"title": definition.title} if definition.title else {}
    if definition.index:
        head["index"] = definition.index.value
    for body in (_grouped, _as_tree):
        try:
            text = "\n".join(_lines({**head, **body(definition.criterion)}, ())).strip() + "\n"
            # A number and its equal of another type (1, 1.0, true) are not written alike.
            if repr(parse(definition.name, text)) == repr(definition):
                return text
        except FederimError:
            continue
    raise InputError(f"cohort {definition.name}: a definition made by hand that TOML has no words for")


def _grouped(criterion: Criterion) -> dict[str, Any]:
    if not isinstance(criterion, AllOf):
        raise InputError("the criteria of a file stand under all")
    return _group(criterion.criteria)


def _group(criteria: Sequence[Criterion]) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    for criterion in criteria:
        if isinstance(criterion, AllOf):
            key, block = "all", _group(criterion.criteria)
        elif isinstance(criterion, AnyOf):
            key, block = "any", _group(criterion.criteria)
        elif isinstance(criterion, Not) and isinstance(criterion.criterion, AnyOf):
            key, block = "none", _group(criterion.criterion.criteria)
        elif isinstance(criterion, Not):
            raise InputError("a group of exclusions is none of several")
        else:
            key, block = _KIND_OF[type(criterion)], _leaf(criterion)
        found.setdefault(key, []).append(block)
    return found


def _as_tree(criterion: Criterion) -> dict[str, Any]:
    return {TREE: [_branch(criterion)]}


def _branch(criterion: Criterion) -> dict[str, Any]:
    if isinstance(criterion, AllOf | AnyOf):
        kind = "all" if isinstance(criterion, AllOf) else "any"
        return {"kind": kind, "of": [_branch(part) for part in criterion.criteria]}
    if isinstance(criterion, Not):
        return {"kind": "not", "of": [_branch(criterion.criterion)]}
    return {"kind": _KIND_OF[type(criterion)], **_leaf(criterion)}


def _leaf(criterion: Criterion) -> dict[str, Any]:
    block: dict[str, Any] = {}
    if isinstance(criterion, Event) and not isinstance(criterion, SeriesCriterion | SegmentCriterion):
        block |= _code(criterion.code)
    if isinstance(criterion, MeasurementCriterion | FeatureCriterion):
        if criterion.value:
            block["value"] = _compared(criterion.value)
        if criterion.unit:
            block["unit"] = criterion.unit
    if isinstance(criterion, PersonCriterion | SeriesCriterion | SegmentCriterion | FeatureCriterion):
        columns = dict.fromkeys(condition.column for condition in criterion.conditions)
        for column in columns:
            block[column] = _compared(
                [condition.comparison for condition in criterion.conditions if condition.column == column]
            )
    if isinstance(criterion, Event):
        if criterion.which is not Which.ANY:
            block["which"] = criterion.which.value
        if criterion.called:
            block["called"] = criterion.called
        if criterion.within:
            block["within_days"] = _window(criterion.within)
    return block


def _code(code: Code) -> dict[str, Any]:
    values = code.values[0] if len(code.values) == 1 else list(code.values)
    block: dict[str, Any] = {"code_starts_with" if code.starts_with else "code": values}
    return {**block, "system": code.system} if code.system else block


def _compared(comparisons: Sequence[Comparison]) -> Any:
    first = comparisons[0]
    if first.op is Op.EQUAL:
        return first.value
    if isinstance(first.value, tuple):
        return list(first.value)
    return {
        _WORD_OF[comparison.op]: comparison.value for comparison in comparisons if comparison.op in _WORD_OF
    }


def _window(within: Window) -> Any:
    sides = {
        side: "any" if days is None else days
        for side, days in (("before", within.before), ("after", within.after))
    }
    return {**sides, "of": within.of} if within.of else sides


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """A table's own keys, then the tables in it, each under its header."""
    nested = {key: value for key, value in table.items() if isinstance(value, list) and _of_tables(value)}
    lines = [f"{key} = {_inline(value)}" for key, value in table.items() if key not in nested]
    for key, blocks in nested.items():
        header = ".".join((*path, key))
        for block in blocks:
            inner = _lines(block, (*path, key))
            if (*path, key) == (TREE,):
                inner = ["", f"[{header}]", *inner]
            elif len(blocks) > 1 or inner[:1] != [""]:  # one group is opened by what is in it
                inner = ["", f"[[{header}]]", *inner]
            lines += inner
    return lines


def _of_tables(values: Sequence[Any]) -> bool:
    return bool(values) and isinstance(values[0], dict)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_inline(part)}' for key, part in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # As JSON writes it, but for the one control character that JSON lets stand.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
