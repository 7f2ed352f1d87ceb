"""Refuse a number in a unit that the lake keeps none of that code in: it would silently find nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from federim.lake.event_sources import SOURCES
from federim.lake.parameters import Parameters, conjunction
from federim.lake.reader import query
from federim.model.cohort import NO_UNIT, Criterion, FeatureCriterion, MeasurementCriterion
from federim.model.errors import InputError


@dataclass(frozen=True, slots=True)
class UnitCheck:
    """A query that gives (code, units): those that the lake's numbers of a criterion's codes have."""

    kind: str
    unit: str
    sql: str
    parameters: dict[str, Any]
    by_code: bool  # else the codes that begin alike are taken together: they may be of several quantities


def unit_checks(names: Mapping[Criterion, str]) -> tuple[UnitCheck, ...]:
    """One check a criterion that names a unit."""
    found = []
    for leaf, name in names.items():
        if isinstance(leaf, MeasurementCriterion | FeatureCriterion) and leaf.unit:
            source, parameters = SOURCES[type(leaf)], Parameters()
            where = [*parameters.code(name, leaf.code, source.concept), "e.value_as_number IS NOT NULL"]
            code = f"e.{source.concept}_source_value"
            sql = (
                f"SELECT DISTINCT {code} AS code, {source.unit} AS unit\nFROM {source.table} AS e\n"
                f"WHERE {conjunction(where)}"
            )
            found.append(
                UnitCheck(source.concept, leaf.unit, sql, parameters.values, not leaf.code.starts_with)
            )
    return tuple(found)


def check_units(
    connection: duckdb.DuckDBPyConnection, checks: tuple[UnitCheck, ...], *, seconds: int
) -> None:
    """Raise `InputError`, naming the units there are, where a code has numbers and none in the unit asked.

    A code that the lake has no number of is no error: another site may have some.
    """
    for check in checks:
        units: dict[str, set[str]] = {}
        for row in query(connection, check.sql, seconds=seconds, parameters=check.parameters).to_pylist():
            units.setdefault(row["code"] if check.by_code else "", set()).add(row["unit"] or NO_UNIT)
        for code, kept in sorted(units.items()):
            if check.unit not in kept:
                named = f"{check.kind} {code}" if code else f"the {check.kind}s of codes that begin so"
                raise InputError(
                    f"unit {check.unit!r}: the lake keeps {named} in {' or '.join(map(repr, sorted(kept)))}; "
                    "give the values in that unit"
                )
