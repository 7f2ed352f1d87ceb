"""Cohorts in plain Python, slow and obvious: what DuckDB's answers are held against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from federim.model.cohort import (
    NO_UNIT,
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    Condition,
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


Match = tuple[Row, date | None]

CODED: dict[type[Criterion], tuple[str, str, str]] = {
    MeasurementCriterion: ("measurement", "measurement", "measurement_date"),
    ConditionCriterion: ("condition_occurrence", "condition", "condition_start_date"),
    ProcedureCriterion: ("procedure_occurrence", "procedure", "procedure_date"),
    DrugCriterion: ("drug_exposure", "drug", "drug_exposure_start_date"),
}
# What tells two events of one day apart.
TIES: dict[type[Criterion], tuple[str, ...]] = {
    SeriesCriterion: ("SeriesInstanceUID",),
    MeasurementCriterion: ("measurement_datetime", "measurement_id"),
    FeatureCriterion: ("image_feature_id",),
}


class Cohort:
    """Index dates by person, and the (person, series) pairs, of a definition over rows."""

    def __init__(self, tables: Tables, definition: CohortDefinition) -> None:
        self.tables = tables
        self.called = {
            leaf.called: leaf
            for leaf, _ in leaves(definition.criterion)
            if isinstance(leaf, Event) and leaf.called
        }
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
        self.meeting = {(row["person_id"], row["SeriesInstanceUID"]) for row in rows}
        self.series = {(person, uid) for person, uid in self.meeting if person in self.persons}

    def refused(self, definition: CohortDefinition) -> bool:
        """Whether a code has numbers, and none of them in the unit that is asked for."""
        for leaf, _ in leaves(definition.criterion):
            if isinstance(leaf, MeasurementCriterion | FeatureCriterion) and leaf.unit:
                measured = isinstance(leaf, MeasurementCriterion)
                table, concept, column = (
                    ("measurement", "measurement", "unit")
                    if measured
                    else ("image_feature", "feature", "unit_source_value")
                )
                rows = [
                    row
                    for row in coded(self.tables.get(table, []), concept, leaf.code)
                    if row.get("value_as_number") is not None
                ]
                codes = {row[f"{concept}_source_value"] for row in rows}
                groups = (
                    [rows]
                    if leaf.code.starts_with
                    else [[row for row in rows if row[f"{concept}_source_value"] == code] for code in codes]
                )
                if any(group and not of_unit(group, column, leaf.unit) for group in groups):
                    return True
        return False

    def left(self, rules: Sequence[Criterion]) -> list[tuple[int, int, int]]:
        """After each number of rules: persons, those of them with series that meet, and these series."""
        found = []
        for applied in range(len(rules) + 1):
            persons = {
                row["person_id"]
                for row in self.tables.get("person", [])
                if all(self.holds(rule, row["person_id"]) for rule in rules[:applied])
            }
            series = [pair for pair in self.meeting if pair[0] in persons]
            found.append((len(persons), len({person for person, _ in series}), len(series)))
        return found

    def holds(self, criterion: Criterion, person: str) -> bool:
        if isinstance(criterion, AllOf):
            return all(self.holds(part, person) for part in criterion.criteria)
        if isinstance(criterion, AnyOf):
            return any(self.holds(part, person) for part in criterion.criteria)
        if isinstance(criterion, Not):
            return not self.holds(criterion.criterion, person)
        return any(row["person_id"] == person for row, _ in self.matches(criterion))

    def matches(self, leaf: Criterion) -> list[Match]:
        """The rows that meet a criterion, each with its date."""
        if isinstance(leaf, PersonCriterion):
            return [(row, None) for row in self.tables.get("person", []) if meets_all(row, leaf.conditions)]
        assert isinstance(leaf, Event)
        found = [
            (row, day) for row, day in self.rows(leaf) if self.inside(row["person_id"], day, leaf.within)
        ]
        value = leaf.value if isinstance(leaf, MeasurementCriterion | FeatureCriterion) else ()
        if leaf.which is not Which.ANY:
            if value:
                found = [(row, day) for row, day in found if row.get("value_as_number") is not None]
            found = self.chosen(leaf, found)
        return [
            (row, day)
            for row, day in found
            if all(meets(row, "value_as_number", comparison) for comparison in value)
        ]

    def rows(self, leaf: Event) -> list[Match]:
        """The rows of that code, unit and columns, each with its date."""
        if isinstance(leaf, SeriesCriterion):
            series = [
                {**self.of_series("volume_geometry", row), **self.of_study(row), **row}
                for row in self.tables.get("image_occurrence", [])
            ]
            return [(row, row.get("SeriesDate")) for row in series if meets_all(row, leaf.conditions)]
        if isinstance(leaf, SegmentCriterion):
            segments = [row for row in self.tables.get("segment", []) if meets_all(row, leaf.conditions)]
            return [
                (row, self.of_series("image_occurrence", row, "source_").get("SeriesDate"))
                for row in segments
            ]
        if isinstance(leaf, FeatureCriterion):
            features = coded(self.tables.get("image_feature", []), "feature", leaf.code)
            features = [row for row in features if meets_all(row, leaf.conditions)]
            return [
                (
                    row,
                    self.of_series("image_occurrence", row).get("SeriesDate")
                    or self.of_study(row).get("StudyDate"),
                )
                for row in of_unit(features, "unit_source_value", leaf.unit)
            ]
        table, concept, day = CODED[type(leaf)]
        rows = coded(self.tables.get(table, []), concept, leaf.code)
        if isinstance(leaf, MeasurementCriterion):
            rows = of_unit(rows, "unit", leaf.unit)
        return [(row, row.get(day)) for row in rows]

    def chosen(self, leaf: Event, found: list[Match]) -> list[Match]:
        """Each person's first, last or closest dated row."""
        kept = {}
        for person in {row["person_id"] for row, _ in found}:
            own = [(row, day) for row, day in found if row["person_id"] == person and day is not None]
            around = self.around(person, leaf.within)
            if leaf.which is Which.CLOSEST:
                own = [(row, day) for row, day in own if around is not None]
                nearest = min((abs((day - around).days) for _, day in own), default=0)
                own = [(row, day) for row, day in own if abs((day - around).days) == nearest]
            if own:
                choose = max if leaf.which is Which.LAST else min
                wanted = choose(day for _, day in own)
                kept[person] = one_of([one for one in own if one[1] == wanted], leaf, choose)
        return list(kept.values())

    def around(self, person: str, within: Window | None) -> date | None:
        """The day that a window, or the closest, refers to."""
        if within is None or not within.of:
            return self.index.get(person)
        other = self.called[within.of]
        days = [day for row, day in self.matches(other) if row["person_id"] == person and day is not None]
        return min(days, default=None)

    def of_series(self, table: str, row: Row, prefix: str = "") -> Row:
        wanted = row.get(f"{prefix}SeriesInstanceUID")
        return self.one(table, "SeriesInstanceUID", wanted)

    def of_study(self, row: Row) -> Row:
        return self.one("study", "StudyInstanceUID", row.get("StudyInstanceUID"))

    def one(self, table: str, key: str, wanted: Any) -> Row:
        same = [row for row in self.tables.get(table, []) if wanted is not None and row[key] == wanted]
        return same[0] if same else {}

    def inside(self, person: str, day: date | None, within: Window | None) -> bool:
        if within is None:
            return True
        around = self.around(person, within)
        if around is None or day is None:
            return False
        early = within.before is not None and day < around - timedelta(within.before)
        late = within.after is not None and day > around + timedelta(within.after)
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


def meets_all(row: Row, conditions: tuple[Condition, ...]) -> bool:
    return all(meets(row, condition.column, condition.comparison) for condition in conditions)


def of_unit(rows: list[Row], column: str, unit: str) -> list[Row]:
    return [row for row in rows if not unit or row.get(column) == (None if unit == NO_UNIT else unit)]


def one_of(found: list[Match], leaf: Criterion, choose: Any) -> Match:
    """Of several on one day, the first or last: by instant (one without comes last), then by identifier."""
    for column in TIES.get(type(leaf), ()):
        known = [row[column] for row, _ in found if row.get(column) is not None]
        if known:
            wanted = choose(known)
            found = [(row, day) for row, day in found if row.get(column) == wanted]
    return found[0]
