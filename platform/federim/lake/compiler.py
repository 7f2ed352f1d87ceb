"""Compile a cohort definition to SQL: values are parameters, names come from the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from federim.lake.declaration import Column, Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.describe import sentence
from federim.lake.vocabulary import (
    PERSON_COLUMNS,
    SERIES_COLUMNS,
    SERIES_TABLES,
    check_comparison,
    check_number,
)
from federim.model.cohort import (
    AllOf,
    AnyOf,
    Code,
    CohortDefinition,
    Comparison,
    Condition,
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
from federim.model.errors import UnknownName

_JOINED_BY = {"study": "StudyInstanceUID", "volume_geometry": "SeriesInstanceUID"}


@dataclass(frozen=True, slots=True)
class CompiledCohort:
    """Two queries over the lake's views, with one set of named parameters.

    `sql` gives (person_id, index_date), one row a person; `series_sql` (person_id, SeriesInstanceUID): the
    series that meet a series criterion, or all of the persons' series where there is none. Both are ordered.
    """

    sql: str
    series_sql: str
    parameters: dict[str, Any]


def compile(definition: CohortDefinition) -> CompiledCohort:
    """The definition's queries.

    Raises
    ------
    UnknownName
        A column is in no table that the criterion reads.
    InputError
        A column cannot be compared with what it is compared with.
    """
    return _Compiler(definition).compiled()


class _Compiler:
    """Gives each criterion a common table expression c1, c2 … of its matches, then combines them."""

    def __init__(self, definition: CohortDefinition) -> None:
        self._definition = definition
        self._parameters: dict[str, Any] = {}
        self._names: dict[Criterion, str] = {}
        for leaf, _ in leaves(definition.criterion):
            self._names.setdefault(leaf, f"c{len(self._names) + 1}")

    def compiled(self) -> CompiledCohort:
        index = dict.fromkeys(self._definition.index_criteria)
        # The index first: windows refer to it.
        dating = [self._expression(leaf) for leaf in self._names if leaf in index]
        others = [self._expression(leaf) for leaf in self._names if leaf not in index]
        common = ",\n".join([*dating, self._dated(list(index)), *others, self._cohort()])
        return CompiledCohort(
            sql=f"WITH {common}\nSELECT person_id, index_date FROM cohort ORDER BY person_id",
            series_sql=f"WITH {common}\n{self._series_query()}",
            parameters=self._parameters,
        )

    def _expression(self, leaf: Criterion) -> str:
        name = self._names[leaf]
        if isinstance(leaf, PersonCriterion):
            where = self._conditions(name, leaf.conditions, PERSON_COLUMNS)
            body = f"SELECT e.person_id\n  FROM person AS e\n  WHERE {_all(where)}"
        elif isinstance(leaf, SeriesCriterion):
            body = self._series(name, leaf)
        elif isinstance(leaf, MeasurementCriterion):
            body = self._measurement(name, leaf)
        elif isinstance(leaf, ConditionCriterion):
            body = self._coded(name, leaf.code, leaf.within, "condition", "condition_start_date")
        elif isinstance(leaf, ProcedureCriterion):
            body = self._coded(name, leaf.code, leaf.within, "procedure", "procedure_date")
        else:
            raise TypeError(f"{type(leaf).__name__} is no criterion that can be compiled")
        return f"{name} AS (  -- {sentence(leaf)}\n  {body}\n)"

    def _series(self, name: str, leaf: SeriesCriterion) -> str:
        where = self._conditions(name, leaf.conditions, SERIES_COLUMNS)
        used = {_table_of(condition.column).name for condition in leaf.conditions}
        joins = "".join(
            f'\n  JOIN {table} USING ("{key}")' for table, key in _JOINED_BY.items() if table in used
        )
        where += self._window(name, leaf.within, 'e."SeriesDate"')
        return (
            'SELECT e.person_id, e."SeriesInstanceUID", e."SeriesDate" AS day\n'
            f"  FROM image_occurrence AS e{joins}{_join_dated(leaf.within)}\n  WHERE {_all(where)}"
        )

    def _measurement(self, name: str, leaf: MeasurementCriterion) -> str:
        where = self._code(name, leaf.code, "measurement")
        if leaf.unit:
            where.append(f"e.unit = {self._parameter(name, 'unit', leaf.unit)}")
        where += self._window(name, leaf.within, "e.measurement_date")
        values = []
        for comparison in leaf.value:
            check_number("measurement, value", comparison)
            values.append(self._compare(name, "e.value_as_number", comparison))
        source = f"FROM measurement AS e{_join_dated(leaf.within)}\n  WHERE "
        day = "SELECT e.person_id, e.measurement_date AS day"
        if leaf.which is Which.ANY:
            return f"{day}\n  {source}{_all(where + values)}"
        if values:
            where.append("e.value_as_number IS NOT NULL")
        if leaf.within is None:
            where.append("e.measurement_date IS NOT NULL")
        way = "ASC" if leaf.which is Which.FIRST else "DESC"
        order = ", ".join(
            f"e.{column} {way} NULLS LAST"
            for column in ("measurement_date", "measurement_datetime", "measurement_id")
        )
        return (
            f"{day}\n  FROM (\n  SELECT e.*\n  {source}{_all(where)}\n"
            f"  QUALIFY row_number() OVER (PARTITION BY e.person_id ORDER BY {order}) = 1\n"
            f"  ) AS e\n  WHERE {_all(values)}"
        )

    def _coded(self, name: str, code: Code, within: Window | None, concept: str, date: str) -> str:
        where = self._code(name, code, concept) + self._window(name, within, f"e.{date}")
        return (
            f"SELECT e.person_id, e.{date} AS day\n"
            f"  FROM {concept}_occurrence AS e{_join_dated(within)}\n  WHERE {_all(where)}"
        )

    def _conditions(
        self, name: str, conditions: Sequence[Condition], columns: dict[str, Column]
    ) -> list[str]:
        found = []
        for condition in conditions:
            if condition.column not in columns:
                raise UnknownName("column", condition.column, columns)
            check_comparison(condition.column, columns[condition.column], condition.comparison)
            joined = columns is SERIES_COLUMNS and _table_of(condition.column) is not IMAGE_OCCURRENCE
            table = _table_of(condition.column).name if joined else "e"
            found.append(self._compare(name, f'{table}."{condition.column}"', condition.comparison))
        return found

    def _code(self, name: str, code: Code, concept: str) -> list[str]:
        column = f"e.{concept}_source_value"
        if code.starts_with:
            starts = (
                f"starts_with({column}, {self._parameter(name, 'code', value)})" for value in code.values
            )
            found = [f"({' OR '.join(starts)})"]
        else:
            found = [
                f"{column} IN ({', '.join(self._parameter(name, 'code', value) for value in code.values)})"
            ]
        if code.system:
            found.append(f"e.{concept}_source_system = {self._parameter(name, 'system', code.system)}")
        return found

    def _window(self, name: str, within: Window | None, day: str) -> list[str]:
        if within is None:
            return []
        limits = [f"{day} IS NOT NULL", "i.index_date IS NOT NULL"]
        if within.before is not None:
            limits.append(
                f"{day} >= i.index_date - {self._parameter(name, 'before', within.before)}::INTEGER"
            )
        if within.after is not None:
            limits.append(f"{day} <= i.index_date + {self._parameter(name, 'after', within.after)}::INTEGER")
        return limits

    def _compare(self, name: str, column: str, comparison: Comparison) -> str:
        if isinstance(comparison.value, tuple):
            listed = ", ".join(self._parameter(name, "value", value) for value in comparison.value)
            return f"{column} IN ({listed})"
        value = self._parameter(name, "value", comparison.value)
        if comparison.op is Op.STARTS_WITH:
            return f"starts_with({column}, {value})"
        return f"{column} {comparison.op.value} {value}"

    def _parameter(self, name: str, role: str, value: Any) -> str:
        number = sum(known.startswith(f"{name}_{role}_") for known in self._parameters) + 1
        self._parameters[f"{name}_{role}_{number}"] = value
        return f"${name}_{role}_{number}"

    def _dated(self, index: Sequence[Criterion]) -> str:
        sources = " UNION ALL ".join(f"SELECT person_id, day FROM {self._names[leaf]}" for leaf in index)
        body = (
            f"SELECT person_id, min(day) AS index_date FROM ({sources}) GROUP BY person_id"
            if sources
            else "SELECT person_id, NULL::DATE AS index_date FROM person WHERE false"
        )
        return f"dated AS (\n  {body}\n)"

    def _cohort(self) -> str:
        return (
            "cohort AS (\n  SELECT person_id, index_date FROM person LEFT JOIN dated USING (person_id)\n"
            f"  WHERE {self._holds(self._definition.criterion)}\n)"
        )

    def _holds(self, criterion: Criterion) -> str:
        if isinstance(criterion, AllOf):
            return f"({' AND '.join(map(self._holds, criterion.criteria)) or 'true'})"
        if isinstance(criterion, AnyOf):
            return f"({' OR '.join(map(self._holds, criterion.criteria)) or 'false'})"
        if isinstance(criterion, Not):
            return f"NOT {self._holds(criterion.criterion)}"
        return f"person_id IN (SELECT person_id FROM {self._names[criterion]})"

    def _series_query(self) -> str:
        matching = dict.fromkeys(
            self._names[leaf]
            for leaf, negated in leaves(self._definition.criterion)
            if isinstance(leaf, SeriesCriterion) and not negated
        )
        source = " UNION ".join(f'SELECT person_id, "SeriesInstanceUID" FROM {name}' for name in matching)
        return (
            'SELECT DISTINCT person_id, "SeriesInstanceUID"\n'
            f"FROM ({source or 'FROM image_occurrence'})\n"
            "WHERE person_id IN (SELECT person_id FROM cohort)\n"
            'ORDER BY person_id, "SeriesInstanceUID"'
        )


def _table_of(column: str) -> Table:
    """The first table of a series that has the column."""
    return next(table for table in SERIES_TABLES if any(own.name == column for own in table.columns))


def _join_dated(within: Window | None) -> str:
    return "" if within is None else "\n  JOIN dated AS i ON i.person_id = e.person_id"


def _all(conditions: Sequence[str]) -> str:
    return "\n    AND ".join(conditions) or "true"
