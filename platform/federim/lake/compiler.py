"""Compile a cohort definition to SQL: values are parameters, names come from the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from federim.lake import matches
from federim.lake.parameters import Parameters
from federim.lake.prose import sentence
from federim.lake.units import UnitCheck, unit_checks
from federim.lake.vocabulary import check
from federim.model.cohort import (
    AllOf,
    AnyOf,
    CohortDefinition,
    Criterion,
    Event,
    Not,
    PersonCriterion,
    SeriesCriterion,
    leaves,
)


@dataclass(frozen=True, slots=True)
class CompiledCohort:
    """Queries over the lake's views, with one set of named parameters.

    `sql` gives (person_id, index_date), one row a person; `series_sql` (person_id, SeriesInstanceUID): the
    series that meet a series criterion, or all of the persons' series where there is none. Both are ordered.
    `steps_sql` gives (survived, persons, imaged, series): how many persons meet the definition's first
    `survived` rules and not the next, how many of them have series, and how many those are.
    `units` are to be asked before: whether the lake keeps numbers in the units that are asked for.
    """

    sql: str
    series_sql: str
    steps_sql: str
    parameters: dict[str, Any]
    units: tuple[UnitCheck, ...]


def compile(definition: CohortDefinition) -> CompiledCohort:
    """The definition's queries.

    Raises
    ------
    UnknownName
        A column is in no table that the criterion reads.
    InputError
        A column cannot be compared with what it is compared with, or a number has no unit.
    """
    return _Compiler(definition).compiled()


def rules(definition: CohortDefinition) -> tuple[Criterion, ...]:
    """What a person must meet, one after the other: the definition, taken apart at its outer `and`.

    Of a group of exclusions, each is a rule of its own.
    """
    outer = definition.criterion
    found: list[Criterion] = []
    for rule in outer.criteria if isinstance(outer, AllOf) else (outer,):
        if isinstance(rule, Not) and isinstance(rule.criterion, AnyOf):
            found += [Not(part) for part in rule.criterion.criteria]
        else:
            found.append(rule)
    return tuple(found)


class _Compiler:
    """Gives each criterion a common table expression c1, c2 … of its matches, then combines them."""

    def __init__(self, definition: CohortDefinition) -> None:
        self._definition = definition
        self._parameters = Parameters()
        self._names: dict[Criterion, str] = {}
        self._called: dict[str, Event] = {}
        self._written: dict[str, str] = {}
        for leaf, _ in leaves(definition.criterion):
            self._names.setdefault(leaf, f"c{len(self._names) + 1}")
            if isinstance(leaf, Event) and leaf.called:
                self._called[leaf.called] = leaf

    def compiled(self) -> CompiledCohort:
        index = dict.fromkeys(self._definition.index_criteria)
        # The index first: windows refer to it.
        for leaf in index:
            self._write(leaf)
        self._written["dated"] = self._dated(list(index))
        for leaf in self._names:
            self._write(leaf)
        common = ",\n".join(self._written.values())
        cohort = (
            "cohort AS (\n  SELECT person_id, index_date FROM person LEFT JOIN dated USING (person_id)\n"
            f"  WHERE {self._holds(self._definition.criterion)}\n)"
        )
        return CompiledCohort(
            sql=f"WITH {common},\n{cohort}\nSELECT person_id, index_date FROM cohort ORDER BY person_id",
            series_sql=f"WITH {common},\n{cohort}\n"
            f'SELECT DISTINCT person_id, "SeriesInstanceUID"\nFROM ({self._series()})\n'
            "WHERE person_id IN (SELECT person_id FROM cohort)\n"
            'ORDER BY person_id, "SeriesInstanceUID"',
            steps_sql=f"WITH {common}\n{self._steps()}",
            parameters=self._parameters.values,
            units=unit_checks(self._names),
        )

    def _write(self, leaf: Criterion) -> None:
        """Add the expression of a criterion, after those that it is dated by."""
        name = self._names[leaf]
        if name in self._written:
            return
        check(type(leaf).__name__.removesuffix("Criterion").lower(), leaf)
        if isinstance(leaf, PersonCriterion):
            body = matches.persons(name, leaf, self._parameters)
        elif isinstance(leaf, Event):
            body = matches.events(name, leaf, self._parameters, around=self._around(leaf))
        else:
            raise TypeError(f"{type(leaf).__name__} is no criterion that can be compiled")
        self._written[name] = f"{name} AS (  -- {sentence(leaf)}\n  {body}\n)"

    def _around(self, leaf: Event) -> str:
        """The table of the days that a criterion's window is around."""
        if leaf.within is None or not leaf.within.of:
            return "dated"
        other = self._called[leaf.within.of]
        self._write(other)
        name = self._names[other]
        self._written.setdefault(
            f"{name}_dated",
            f"{name}_dated AS (\n"
            f"  SELECT person_id, min(day) AS index_date FROM {name} GROUP BY person_id\n)",
        )
        return f"{name}_dated"

    def _dated(self, index: Sequence[Criterion]) -> str:
        sources = " UNION ALL ".join(f"SELECT person_id, day FROM {self._names[leaf]}" for leaf in index)
        body = (
            f"SELECT person_id, min(day) AS index_date FROM ({sources}) GROUP BY person_id"
            if sources
            else "SELECT person_id, NULL::DATE AS index_date FROM person WHERE false"
        )
        return f"dated AS (\n  {body}\n)"

    def _holds(self, criterion: Criterion) -> str:
        if isinstance(criterion, AllOf):
            return f"({' AND '.join(map(self._holds, criterion.criteria)) or 'true'})"
        if isinstance(criterion, AnyOf):
            return f"({' OR '.join(map(self._holds, criterion.criteria)) or 'false'})"
        if isinstance(criterion, Not):
            return f"NOT {self._holds(criterion.criterion)}"
        return f"person_id IN (SELECT person_id FROM {self._names[criterion]})"

    def _series(self) -> str:
        matching = dict.fromkeys(
            self._names[leaf]
            for leaf, negated in leaves(self._definition.criterion)
            if isinstance(leaf, SeriesCriterion) and not negated
        )
        source = " UNION ".join(f'SELECT person_id, "SeriesInstanceUID" FROM {name}' for name in matching)
        return source or "FROM image_occurrence"

    def _steps(self) -> str:
        found = rules(self._definition)
        survived = "".join(
            f"\n    WHEN NOT {self._holds(rule)} THEN {number}" for number, rule in enumerate(found)
        )
        return (
            "SELECT survived, count(*) AS persons, count(series) AS imaged,\n"
            "  coalesce(sum(series), 0) AS series\n"
            f"FROM (\n  SELECT person_id, CASE WHEN false THEN 0{survived}\n"
            f"    ELSE {len(found)} END AS survived\n  FROM person\n)\nLEFT JOIN (\n"
            f'  SELECT person_id, count(DISTINCT "SeriesInstanceUID") AS series\n  FROM ({self._series()})\n'
            "  GROUP BY person_id\n) USING (person_id)\nGROUP BY survived\nORDER BY survived"
        )
