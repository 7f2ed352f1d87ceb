"""Hold rows against what their table declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from federim.lake.declaration import Column, Table
from federim.model.errors import SchemaError

Row = Mapping[str, Any]


def faults(table: Table, rows: Sequence[Row]) -> dict[int, str]:
    """The rows, by position from 0, that the table refuses; each with its first faulty column and rule.

    Checking rows together is some hundred times faster than one by one.
    """
    return _examine(table, rows)[1]


def to_arrow(table: Table, rows: Sequence[Row]) -> pa.Table:
    """The rows as the table's declared columns, `bucket` apart.

    Raises
    ------
    SchemaError
        A column is unknown, a required value is missing, a value has another type or fails its check:
        the message names table, row from 1, column and rule.
    """
    arrays, found = _examine(table, rows)
    if found:
        first = min(found)
        raise SchemaError(f"{table.name}, row {first + 1}: {found[first]}")
    return pa.table(arrays, schema=pa.schema([column.arrow for column in table.columns]))


def _examine(table: Table, rows: Sequence[Row]) -> tuple[list[pa.Array], dict[int, str]]:
    found: dict[int, str] = {}
    names = {column.name for column in table.columns}
    given: set[str] = set().union(*rows)
    if not given <= names:
        for position, row in enumerate(rows):
            if not row.keys() <= names:
                found[position] = f"{min(map(str, row.keys() - names))} is no column of {table.name}"
    arrays = []
    for column in table.columns:
        # A column that no row has is common, and asking each row for it is most of the work.
        name = column.name
        values = [row.get(name) for row in rows] if name in given else [None] * len(rows)
        array, faulty = _column(column, values)
        arrays.append(array)
        for position, rule in faulty.items():
            found.setdefault(position, f"{column.name}: {rule}")
    return arrays, found


def _column(column: Column, values: list[Any]) -> tuple[pa.Array, dict[int, str]]:
    array, faulty = _convert(column.type, values)
    if column.required and array.null_count:
        for position in _positions(pc.is_null(array)):
            faulty.setdefault(position, "a value is required")
    if pa.types.is_floating(column.type):
        for position in _positions(pc.invert(pc.is_finite(array))):
            faulty.setdefault(position, "expected a finite number")
    if column.check is not None:
        for position in _positions(pc.invert(column.check.holds(array))):
            faulty.setdefault(position, f"expected {column.check.says}")
    return array, faulty


def _convert(type_: pa.DataType, values: list[Any]) -> tuple[pa.Array, dict[int, str]]:
    try:
        return pa.array(values, type=type_), {}
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        faulty = {}
        for position, value in enumerate(values):
            try:
                pa.array([value], type=type_)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                faulty[position] = f"expected a value of type {type_}"
        usable = [None if position in faulty else value for position, value in enumerate(values)]
        return pa.array(usable, type=type_), faulty


def _positions(mask: pa.Array) -> list[int]:
    found: list[int] = pc.indices_nonzero(mask).to_pylist()
    return found
