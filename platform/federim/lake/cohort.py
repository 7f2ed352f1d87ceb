"""The cohorts a home defines: find them, compile them, count them."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from federim.home import Home
from federim.lake.compiler import CompiledCohort
from federim.lake.compiler import compile as compile
from federim.lake.definition import parse
from federim.lake.reader import connect_home, query
from federim.lake.units import check_units
from federim.model.cohort import CohortDefinition
from federim.model.errors import InputError, UnknownName


@dataclass(frozen=True, slots=True)
class Members:
    """Who and what a cohort holds: (person_id, index_date) and (person_id, SeriesInstanceUID), ordered."""

    persons: pa.Table
    series: pa.Table


def names(home: Home) -> list[str]:
    """The cohorts the home defines."""
    return sorted(path.stem for path in home.cohorts.glob("*.toml"))


def load(home: Home, name: str) -> CohortDefinition:
    """The definition in cohorts/NAME.toml.

    Raises
    ------
    UnknownName
        There is none; the message suggests the nearest.
    InputError
        It is not in UTF-8, or as `definition.parse` says.
    """
    known = names(home)
    if name not in known:
        raise UnknownName("cohort", name, known)
    try:
        text = (home.cohorts / f"{name}.toml").read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"cohort {name}: not valid TOML: its text is not in UTF-8") from None
    return parse(name, text)


def members(home: Home, definition: CohortDefinition) -> Members:
    """Evaluate the definition on the live tables."""
    with connect_home(home) as connection:
        return evaluate(connection, compile(definition), seconds=home.settings.query_seconds)


def evaluate(connection: duckdb.DuckDBPyConnection, compiled: CompiledCohort, *, seconds: int) -> Members:
    """Run both queries of a compiled cohort.

    Raises
    ------
    InputError
        A number is asked for in a unit that the lake has none of that code in.
    FederimError
        See `reader.query`.
    """
    check_units(connection, compiled.units, seconds=seconds)
    return Members(
        persons=query(connection, compiled.sql, seconds=seconds, parameters=compiled.parameters),
        series=query(connection, compiled.series_sql, seconds=seconds, parameters=compiled.parameters),
    )
