"""Say a cohort definition in plain English."""

from __future__ import annotations

from federim.model.cohort import (
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    ConditionCriterion,
    Criterion,
    MeasurementCriterion,
    Not,
    PersonCriterion,
    ProcedureCriterion,
    SeriesCriterion,
    Which,
    Window,
)


def describe(definition: CohortDefinition) -> str:
    """The definition in lines a committee can read."""
    lines = [definition.title or f"Cohort {definition.name}"]
    if definition.index:
        lines.append(f"Day 0 is the date of the person's {definition.index.value} among those below.")
    return "\n".join([*lines, *_tree(definition.criterion, "")])


def _tree(criterion: Criterion, indent: str) -> list[str]:
    if isinstance(criterion, AllOf | AnyOf):
        head = "all of:" if isinstance(criterion, AllOf) else "at least one of:"
        inner = [line for part in criterion.criteria for line in _tree(part, f"{indent}  ")]
        return [f"{indent}{head}", *inner]
    if isinstance(criterion, Not):
        return [f"{indent}not:", *_tree(criterion.criterion, f"{indent}  ")]
    return [f"{indent}{sentence(criterion)}"]


def sentence(criterion: Criterion) -> str:
    """One criterion that is no combination, on one line."""
    if isinstance(criterion, PersonCriterion | SeriesCriterion):
        noun = "person" if isinstance(criterion, PersonCriterion) else "series"
        wanted = " and ".join(
            f"{condition.column} {_comparison(condition.comparison)}" for condition in criterion.conditions
        )
        said = f"{noun} with {wanted}" if wanted else f"any {noun}"
    elif isinstance(criterion, MeasurementCriterion):
        which = "" if criterion.which is Which.ANY else f"{criterion.which.value} "
        said = f"{which}measurement {_code(criterion.code)}"
        if criterion.value:
            said += " " + " and ".join(map(_comparison, criterion.value))
        if criterion.unit:
            said += f" in {criterion.unit}"
    elif isinstance(criterion, ConditionCriterion):
        said = f"diagnosis {_code(criterion.code)}"
    elif isinstance(criterion, ProcedureCriterion):
        said = f"act {_code(criterion.code)}"
    else:
        raise TypeError(f"{type(criterion).__name__} has no sentence")
    # The sentence is also a comment in SQL, which a line break would end.
    return " ".join(f"{said}{_window(getattr(criterion, 'within', None))}".split())


def _comparison(comparison: Comparison) -> str:
    value = comparison.value
    shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{comparison.op.value} {shown}"


def _code(code: Code) -> str:
    shown = " or ".join(f"{value}…" if code.starts_with else value for value in code.values)
    return f"{shown} of {code.system}" if code.system else shown


def _window(within: Window | None) -> str:
    if within is None:
        return ""
    before = "any time before" if within.before is None else f"{within.before} days before"
    after = "any time after" if within.after is None else f"{within.after} days after"
    return f", from {before} to {after} day 0"
