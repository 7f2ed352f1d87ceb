"""How many persons and series each rule of a cohort leaves, without telling of a few persons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from federim.home import Home
from federim.lake.compiler import CompiledCohort, compile, rules
from federim.lake.prose import SPEECH, Language
from federim.lake.reader import connect_home, query
from federim.lake.units import check_units
from federim.model.cohort import CohortDefinition


@dataclass(frozen=True, slots=True)
class Step:
    """What is left once a rule was applied; None where it is not to be told. The first step has no rule."""

    rule: str
    persons: int | None
    left_out: int | None
    series: int | None

    def as_document(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "persons": self.persons,
            "left_out": self.left_out,
            "series": self.series,
        }


@dataclass(frozen=True, slots=True)
class Attrition:
    """The steps from everybody to the cohort. Counts of fewer than `threshold` persons are None."""

    cohort: str
    threshold: int
    steps: tuple[Step, ...]

    def as_document(self) -> dict[str, Any]:
        steps = [step.as_document() for step in self.steps]
        return {"cohort": self.cohort, "threshold": self.threshold, "steps": steps}


@dataclass(frozen=True, slots=True)
class Left:
    """Exactly how many are left after a rule: persons, those of them with series, and these series."""

    persons: int
    imaged: int
    series: int


def of_home(home: Home, definition: CohortDefinition, language: Language = Language.ENGLISH) -> Attrition:
    """The cohort's attrition on the live tables; errors are those of `cohort.evaluate`."""
    with connect_home(home) as connection:
        counts = count(connection, compile(definition), len(rules(definition)), home.settings.query_seconds)
    return told(definition, counts, home.settings.small_cell, language)


def count(
    connection: duckdb.DuckDBPyConnection, compiled: CompiledCohort, steps: int, seconds: int
) -> tuple[Left, ...]:
    """How many are left at first and after each of the `steps` rules: internal, for `told` to hide some."""
    check_units(connection, compiled.units, seconds=seconds)
    found = query(connection, compiled.steps_sql, seconds=seconds, parameters=compiled.parameters).to_pylist()
    ended = {row["survived"]: row for row in found}
    left = [Left(0, 0, 0)]
    for step in range(steps, -1, -1):
        row = ended.get(step, {"persons": 0, "imaged": 0, "series": 0})
        before = left[-1]
        left.append(
            Left(
                before.persons + row["persons"], before.imaged + row["imaged"], before.series + row["series"]
            )
        )
    return tuple(reversed(left[1:]))


def told(
    definition: CohortDefinition, counts: Sequence[Left], threshold: int, language: Language
) -> Attrition:
    """The steps with their rules in words, and with what may be told of their counts."""
    speech = SPEECH[language]
    said = ["", *map(speech.rule, rules(definition))]
    persons = tellable([left.persons for left in counts], threshold, range(len(counts)))
    # A difference of series is one of the persons who have them.
    series = tellable([left.imaged for left in counts], threshold, persons)
    steps: list[Step] = []
    for number, (rule, left) in enumerate(zip(said, counts, strict=True)):
        step = Step(
            rule,
            left.persons if number in persons else None,
            None,
            left.series if number in series else None,
        )
        if steps and step.persons is not None and steps[-1].persons is not None:
            step = replace(step, left_out=steps[-1].persons - step.persons)
        steps.append(step)
    return Attrition(definition.name, threshold, tuple(steps))


def tellable(counts: Sequence[int], threshold: int, steps: Collection[int]) -> frozenset[int]:
    """Of `steps`, those whose counts can be told, where each is a part of the count before it.

    No count that is told, and no difference of two of them, is of 1 to `threshold` - 1 persons; nor is a
    count of none told, which would tell of each of a few that they were left out. The first and the last are
    told rather than those between.

    References
    ----------
    Hundepool et al., Statistical Disclosure Control (2012), chapter 4.
    """
    large = [step for step in sorted(steps) if counts[step] >= threshold]

    def apart(one: int, other: int) -> bool:
        return not 0 < abs(counts[one] - counts[other]) < threshold

    kept: list[int] = []
    for step in dict.fromkeys([*large[:1], *large[-1:], *large]):
        if all(apart(step, other) for other in kept):
            kept.append(step)
    return frozenset(kept)
