"""Rows with good defaults, and lakes that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake

Row = dict[str, Any]


def digest(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


class Rows:
    """One valid row a table: `rows.person("p1", year_of_birth=1950)`."""

    def person(self, person: str = "p1", **columns: Any) -> Row:
        return {"person_id": digest(person), "site": "alpha", **columns}

    def study(self, person: str = "p1", study: int = 1, **columns: Any) -> Row:
        return {"person_id": digest(person), "StudyInstanceUID": f"2.25.{study}", **columns}

    def series(self, person: str = "p1", series: int = 1, **columns: Any) -> Row:
        return {
            "person_id": digest(person),
            "StudyInstanceUID": "2.25.1",
            "SeriesInstanceUID": f"2.25.{series}",
            "Modality": "CT",
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
            "NumberOfInstances": 1,
            "SizeBytes": 100,
            **columns,
        }

    def measurement(self, person: str = "p1", name: str = "m1", **columns: Any) -> Row:
        return {
            "person_id": digest(person),
            "measurement_id": digest(name),
            "measurement_source_value": "1988-5",
            "measurement_date": date(2021, 3, 1),
            "value_as_number": 12.0,
            "unit": "mg/L",
            **columns,
        }

    def condition(self, name: str = "c1", person: str = "p1", **columns: Any) -> Row:
        return {
            "person_id": digest(person),
            "condition_occurrence_id": digest(name),
            "condition_source_value": name.upper(),
            **columns,
        }

    def quarantine(self, name: str = "q1", **columns: Any) -> Row:
        return {
            "quarantine_id": digest(name),
            "run_id": "r1",
            "source": "folder",
            "item": digest("item"),
            "reason": "empty",
            **columns,
        }


@pytest.fixture(scope="session")
def rows() -> Rows:
    return Rows()


@pytest.fixture
def person_id() -> Callable[[str], str]:
    """The pseudonym the builders give a person."""
    return digest


@pytest.fixture
def fill(site: Home) -> Callable[[Mapping[str, Sequence[Row]]], dict[str, int]]:
    """Commit rows to the site's lake; returns rows added by table."""

    def commit(batch: Mapping[str, Sequence[Row]]) -> dict[str, int]:
        with Lake(site).writing() as writer:
            return writer.commit(batch, {})

    return commit


@pytest.fixture
def select(site: Home) -> Callable[[str], list[Row]]:
    """Rows of a query over the site's lake."""

    def run(sql: str) -> list[Row]:
        with connect_home(site) as connection:
            return query(connection, sql, seconds=60).to_pylist()

    return run
