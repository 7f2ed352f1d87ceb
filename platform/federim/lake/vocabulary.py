"""The columns a cohort definition may name, and what they may be compared with."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from federim.lake.declaration import Column, Kind, Table
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, STUDY, VOLUME_GEOMETRY
from federim.lake.declared.persons import PERSON
from federim.model.cohort import Comparison, Op
from federim.model.errors import InputError

# Nearest first: a column that several have, such as person_id, is the series' own.
SERIES_TABLES: tuple[Table, ...] = (IMAGE_OCCURRENCE, STUDY, VOLUME_GEOMETRY)

PERSON_COLUMNS: dict[str, Column] = {column.name: column for column in PERSON.columns}
SERIES_COLUMNS: dict[str, Column] = {
    column.name: column for table in reversed(SERIES_TABLES) for column in table.columns
}


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
