"""What a cohort definition may name in the lake, and what it may be compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pyarrow as pa

from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.annotations import IMAGE_FEATURE, SEGMENT
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, STUDY, VOLUME_GEOMETRY
from federim.lake.declared.persons import PERSON
from federim.model.cohort import (
    NO_UNIT,
    Comparison,
    Condition,
    Criterion,
    FeatureCriterion,
    MeasurementCriterion,
    Op,
    PersonCriterion,
    SegmentCriterion,
    SeriesCriterion,
)
from federim.model.errors import InputError, UnknownName

# Nearest first: a column that several have, such as person_id, is the series' own.
SERIES_TABLES: tuple[Table, ...] = (IMAGE_OCCURRENCE, STUDY, VOLUME_GEOMETRY)

PERSON_COLUMNS: dict[str, Column] = {column.name: column for column in PERSON.columns}
SERIES_COLUMNS: dict[str, Column] = {
    column.name: column for table in reversed(SERIES_TABLES) for column in table.columns
}
SEGMENT_COLUMNS: dict[str, Column] = {column.name: column for column in SEGMENT.columns}
# The number has a unit, and the code a system: they are asked for by the criterion's own keys.
_OWN_KEYS: Final = {
    "value_as_number",
    "unit_source_value",
    "feature_source_value",
    "feature_source_system",
    "feature_concept_id",
}
FEATURE_COLUMNS: dict[str, Column] = {
    column.name: column for column in IMAGE_FEATURE.columns if column.name not in _OWN_KEYS
}

COLUMNS: dict[type[Criterion], dict[str, Column]] = {
    PersonCriterion: PERSON_COLUMNS,
    SeriesCriterion: SERIES_COLUMNS,
    SegmentCriterion: SEGMENT_COLUMNS,
    FeatureCriterion: FEATURE_COLUMNS,
}


def check(where: str, leaf: Criterion) -> None:
    """Raise unless the lake can answer a criterion that is no combination.

    Raises
    ------
    UnknownName
        It has no such column.
    InputError
        A column or a number cannot be compared so, or a number is compared without its unit.
    """
    if isinstance(leaf, PersonCriterion | SeriesCriterion | SegmentCriterion | FeatureCriterion):
        _check_conditions(where, COLUMNS[type(leaf)], leaf.conditions)
    if isinstance(leaf, MeasurementCriterion | FeatureCriterion):
        for comparison in leaf.value:
            check_number(f"{where}, value", comparison)
        if leaf.value and not leaf.unit:
            raise InputError(
                f'{where}: a value needs its unit (UCUM), for example unit = "mg/L"; unit = "{NO_UNIT}" '
                "asks for numbers that have none"
            )
        if any(character.isspace() or not character.isprintable() for character in leaf.unit):
            raise InputError(f'{where}, unit: a UCUM unit has no blank: "mg/L"')


def _check_conditions(where: str, columns: Mapping[str, Column], conditions: Sequence[Condition]) -> None:
    for condition in conditions:
        if condition.column not in columns:
            raise UnknownName(f"column in {where}", condition.column, columns)
        check_comparison(f"{where}, {condition.column}", columns[condition.column], condition.comparison)


def check_comparison(where: str, column: Column, comparison: Comparison) -> None:
    """Raise `InputError`, naming `where`, unless the column can be so compared."""
    if column.kind is Kind.DATE:
        raise InputError(
            f"{where}: each person's dates are moved by their own number of days, so no calendar date "
            "can be asked for; use within_days"
        )
    if pa.types.is_string(column.type):
        if comparison.op not in (Op.EQUAL, Op.ONE_OF, Op.STARTS_WITH):
            raise InputError(f"{where}: text is compared by value, by a list of values or by starts_with")
        _check_values(where, comparison, (str,), "text, in quotes")
    elif pa.types.is_boolean(column.type):
        if comparison.op is not Op.EQUAL or not isinstance(comparison.value, bool):
            raise InputError(f"{where}: expected true or false")
    else:
        check_number(where, comparison)


def check_number(where: str, comparison: Comparison) -> None:
    """Raise `InputError`, naming `where`, unless numbers can be so compared."""
    if comparison.op is Op.STARTS_WITH:
        raise InputError(f"{where}: a number does not start with text; use at_least, at_most, above or below")
    _check_values(where, comparison, (int, float), "a number")


def _check_values(where: str, comparison: Comparison, types: tuple[type, ...], expected: str) -> None:
    several = isinstance(comparison.value, tuple)
    values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    if several != (comparison.op is Op.ONE_OF) or not values:
        raise InputError(
            f"{where}: expected {'a list of values' if comparison.op is Op.ONE_OF else 'one value'}"
        )
    if not all(isinstance(value, types) and not isinstance(value, bool | date) for value in values):
        raise InputError(f"{where}: expected {expected}")
