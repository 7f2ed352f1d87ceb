"""SQL of one criterion: the persons it holds of, with the day of each match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from federim.lake.declaration import Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.event_sources import SOURCES, EventSource
from federim.lake.parameters import Parameters, conjunction
from federim.lake.vocabulary import SERIES_TABLES
from federim.model.cohort import (
    Condition,
    Event,
    FeatureCriterion,
    MeasurementCriterion,
    PersonCriterion,
    SegmentCriterion,
    SeriesCriterion,
    Which,
    Window,
)

_JOINED_BY: Final = {"study": "StudyInstanceUID", "volume_geometry": "SeriesInstanceUID"}


def persons(name: str, leaf: PersonCriterion, parameters: Parameters) -> str:
    """Gives (person_id)."""
    where = [
        parameters.compare(name, f'e."{condition.column}"', condition.comparison)
        for condition in leaf.conditions
    ]
    return f"SELECT e.person_id\n  FROM person AS e\n  WHERE {conjunction(where)}"


def events(name: str, leaf: Event, parameters: Parameters, *, around: str) -> str:
    """Gives (person_id, day), and of series their UID too.

    Parameters
    ----------
    around
        The table of (person_id, index_date) that the window, or `CLOSEST`, refers to.
    """
    source = SOURCES[type(leaf)]
    anchored = leaf.within is not None or leaf.which is Which.CLOSEST
    # Without a window, a choice or a name, nobody asks on which day a feature was measured.
    dateless = source.dated_by and not (anchored or leaf.which is not Which.ANY or leaf.called)
    day = "NULL::DATE" if dateless else source.day
    columns, where = ["e.person_id"], _rows(name, leaf, source, parameters)
    if isinstance(leaf, SeriesCriterion):
        columns.append('e."SeriesInstanceUID"')
    tables = f"FROM {source.table} AS e{_series_tables(leaf)}{'' if dateless else source.dated_by}"
    if anchored:
        tables += f"\n  JOIN {around} AS i ON i.person_id = e.person_id"
        where += [f"{day} IS NOT NULL", "i.index_date IS NOT NULL"]
        where += _window(name, leaf.within, day, parameters)
    elif leaf.which is not Which.ANY:
        where.append(f"{day} IS NOT NULL")
    values = _values(name, leaf, parameters)
    if leaf.which is Which.ANY:
        where += values
        return f"SELECT {', '.join(columns)}, {day} AS day\n  {tables}\n  WHERE {conjunction(where)}"
    if values:
        where.append("e.value_as_number IS NOT NULL")
    elif not isinstance(leaf, SeriesCriterion):
        return (
            f"SELECT e.person_id, {_chosen_day(leaf.which, day)} AS day\n  {tables}\n"
            f"  WHERE {conjunction(where)}\n  GROUP BY e.person_id"
        )
    chosen = f"row_number() OVER (PARTITION BY e.person_id ORDER BY {_order(leaf.which, source, day)}) = 1"
    if not values:
        return (
            f"SELECT {', '.join(columns)}, {day} AS day\n  {tables}\n"
            f"  WHERE {conjunction(where)}\n  QUALIFY {chosen}"
        )
    return (
        "SELECT e.person_id, e.day\n  FROM (\n"
        f"  SELECT e.person_id, e.value_as_number, {day} AS day\n  {tables}\n"
        f"  WHERE {conjunction(where)}\n  QUALIFY {chosen}\n  ) AS e\n  WHERE {conjunction(values)}"
    )


def _rows(name: str, leaf: Event, source: EventSource, parameters: Parameters) -> list[str]:
    """What a row must meet, its number and its day apart."""
    where = []
    if not isinstance(leaf, SeriesCriterion | SegmentCriterion):
        where += parameters.code(name, leaf.code, source.concept)
    if isinstance(leaf, MeasurementCriterion | FeatureCriterion):
        where += parameters.unit(name, source.unit, leaf.unit)
    if isinstance(leaf, SeriesCriterion | SegmentCriterion | FeatureCriterion):
        where += [
            parameters.compare(name, _column(leaf, condition), condition.comparison)
            for condition in leaf.conditions
        ]
    return where


def _values(name: str, leaf: Event, parameters: Parameters) -> list[str]:
    if not isinstance(leaf, MeasurementCriterion | FeatureCriterion):
        return []
    return [parameters.compare(name, "e.value_as_number", comparison) for comparison in leaf.value]


def _column(leaf: Event, condition: Condition) -> str:
    joined = isinstance(leaf, SeriesCriterion) and _table_of(condition.column) is not IMAGE_OCCURRENCE
    return f'{_table_of(condition.column).name if joined else "e"}."{condition.column}"'


def _series_tables(leaf: Event) -> str:
    if not isinstance(leaf, SeriesCriterion):
        return ""
    used = {_table_of(condition.column).name for condition in leaf.conditions}
    return "".join(f'\n  JOIN {table} USING ("{key}")' for table, key in _JOINED_BY.items() if table in used)


def _table_of(column: str) -> Table:
    """The first table of a series that has the column."""
    return next(table for table in SERIES_TABLES if any(own.name == column for own in table.columns))


def _window(name: str, within: Window | None, day: str, parameters: Parameters) -> list[str]:
    limits = []
    if within is not None and within.before is not None:
        limits.append(f"{day} >= i.index_date - {parameters.add(name, 'before', within.before)}::INTEGER")
    if within is not None and within.after is not None:
        limits.append(f"{day} <= i.index_date + {parameters.add(name, 'after', within.after)}::INTEGER")
    return limits


def _chosen_day(which: Which, day: str) -> str:
    if which is Which.CLOSEST:
        return f"arg_min({day}, (abs({day} - i.index_date), {day}))"
    return f"{'min' if which is Which.FIRST else 'max'}({day})"


def _order(which: Which, source: EventSource, day: str) -> str:
    way = "DESC" if which is Which.LAST else "ASC"
    ordered: Sequence[str] = (day, *source.order)
    if which is Which.CLOSEST:
        ordered = (f"abs({day} - i.index_date)", *ordered)
    return ", ".join(f"{column} {way} NULLS LAST" for column in ordered)
