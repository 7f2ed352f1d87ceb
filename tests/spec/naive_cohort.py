"""Cohorts in plain Python, slow and obvious: what DuckDB's answers are held against."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

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
    Op,
    PersonCriterion,
    ProcedureCriterion,
    SeriesCriterion,
    Which,
    Window,
    leaves,
)

Row = dict[str, Any]
Tables = dict[str, list[Row]]

MEETS = {
    Op.EQUAL: lambda found, wanted: found == wanted,
    Op.ONE_OF: lambda found, wanted: found in wanted,
    Op.AT_LEAST: lambda found, wanted: found >= wanted,
    Op.AT_MOST: lambda found, wanted: found <= wanted,
    Op.ABOVE: lambda found, wanted: found > wanted,
    Op.BELOW: lambda found, wanted: found < wanted,
    Op.STARTS_WITH: lambda found, wanted: found.startswith(wanted),
}


class Cohort:
    """Index dates by person, and the (person, series) pairs, of a definition over rows."""

    def __init__(self, tables: Tables, definition: CohortDefinition) -> None:
        self.tables = tables
        self.index: dict[str, date] = {}
        for leaf in definition.index_criteria:
            for row, day in self.matches(leaf):
                if day is not None:
                    person = row["person_id"]
                    self.index[person] = min(self.index.get(person, day), day)
        persons = [row["person_id"] for row in tables.get("person", [])]
        self.persons = {
            person: self.index.get(person) for person in persons if self.holds(definition.criterion, person)
        }
        wanted = [
            leaf
            for leaf, negated in leaves(definition.criterion)
            if isinstance(leaf, SeriesCriterion) and not negated
        ]
        rows = (
            [row for leaf in wanted for row, _ in self.matches(leaf)]
            if wanted
            else tables.get("image_occurrence", [])
        )
        self.series = {
            (row["person_id"], row["SeriesInstanceUID"]) for row in rows if row["person_id"] in self.persons
        }

    def holds(self, criterion: Criterion, person: str) -> bool:
        if isinstance(criterion, AllOf):
            return all(self.holds(part, person) for part in criterion.criteria)
        if isinstance(criterion, AnyOf):
            return any(self.holds(part, person) for part in criterion.criteria)
        if isinstance(criterion, Not):
            return not self.holds(criterion.criterion, person)
        return any(row["person_id"] == person for row, _ in self.matches(criterion))

    def matches(self, leaf: Criterion) -> list[tuple[Row, date | None]]:
        """The rows that meet a criterion, each with its date."""
        if isinstance(leaf, PersonCriterion):
            rows = self.tables.get("person", [])
            return [
                (row, None)
                for row in rows
                if all(meets(row, c.column, c.comparison) for c in leaf.conditions)
            ]
        if isinstance(leaf, SeriesCriterion):
            rows = [self.with_study(row) for row in self.tables.get("image_occurrence", [])]
            rows = [row for row in rows if all(meets(row, c.column, c.comparison) for c in leaf.conditions)]
            return self.dated(rows, "SeriesDate", leaf.within)
        if isinstance(leaf, MeasurementCriterion):
            return self.measurements(leaf)
        if isinstance(leaf, ConditionCriterion):
            rows = coded(self.tables.get("condition_occurrence", []), "condition", leaf.code)
            return self.dated(rows, "condition_start_date", leaf.within)
        assert isinstance(leaf, ProcedureCriterion)
        rows = coded(self.tables.get("procedure_occurrence", []), "procedure", leaf.code)
        return self.dated(rows, "procedure_date", leaf.within)

    def measurements(self, leaf: MeasurementCriterion) -> list[tuple[Row, date | None]]:
        rows = coded(self.tables.get("measurement", []), "measurement", leaf.code)
        if leaf.unit:
            rows = [row for row in rows if row.get("unit") == leaf.unit]
        found = self.dated(rows, "measurement_date", leaf.within)
        if leaf.which is not Which.ANY:
            found = [(row, day) for row, day in found if day is not None]
            if leaf.value:
                found = [(row, day) for row, day in found if row.get("value_as_number") is not None]
            found = [one_of(found, person, leaf.which) for person in {row["person_id"] for row, _ in found}]
        return [
            (row, day)
            for row, day in found
            if all(meets(row, "value_as_number", comparison) for comparison in leaf.value)
        ]

    def with_study(self, series: Row) -> Row:
        studies = self.tables.get("study", [])
        same = [row for row in studies if row["StudyInstanceUID"] == series["StudyInstanceUID"]]
        return {**(same[0] if same else {}), **series}

    def dated(self, rows: list[Row], column: str, within: Window | None) -> list[tuple[Row, date | None]]:
        found = [(row, row.get(column)) for row in rows]
        if within is None:
            return found
        return [(row, day) for row, day in found if self.inside(row["person_id"], day, within)]

    def inside(self, person: str, day: date | None, within: Window) -> bool:
        index = self.index.get(person)
        if index is None or day is None:
            return False
        early = within.before is not None and day < index - timedelta(within.before)
        late = within.after is not None and day > index + timedelta(within.after)
        return not early and not late


def meets(row: Row, column: str, comparison: Comparison) -> bool:
    found = row.get(column)
    return found is not None and bool(MEETS[comparison.op](found, comparison.value))


def coded(rows: list[Row], concept: str, code: Code) -> list[Row]:
    def fits(row: Row) -> bool:
        found = row[f"{concept}_source_value"]
        right = any(found.startswith(value) if code.starts_with else found == value for value in code.values)
        return right and code.system in ("", row.get(f"{concept}_source_system"))

    return [row for row in rows if fits(row)]


def one_of(found: list[tuple[Row, date | None]], person: str, which: Which) -> tuple[Row, date | None]:
    """The person's first or last result: by date, then instant (none given comes last), then identifier."""
    own = [(row, day) for row, day in found if row["person_id"] == person]

    def instant(row: Row) -> datetime | None:
        return row.get("measurement_datetime")

    timed = [(row, day) for row, day in own if instant(row) is not None]
    days = [day for _, day in own if day is not None]
    wanted = min(days) if which is Which.FIRST else max(days)
    of_day = [(row, day) for row, day in timed if day == wanted] or [
        (row, day) for row, day in own if day == wanted
    ]
    order = sorted(of_day, key=lambda one: (instant(one[0]) or datetime.min, one[0]["measurement_id"]))
    return order[0] if which is Which.FIRST else order[-1]
