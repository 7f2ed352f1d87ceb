"""Rows are held against their table's declaration, and no message repeats a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from federim.lake.check import faults, to_arrow
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.declared.imaging import IMAGE_OCCURRENCE
from federim.lake.declared.persons import PERSON
from federim.model.errors import SchemaError


def test_a_good_row_has_no_fault(rows: Any) -> None:
    assert faults(MEASUREMENT, [rows.measurement()]).get(0) is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"person_id": "DUPONT JEAN"}, "person_id: expected 32 hexadecimal digits"),
        ({"person_id": None}, "person_id: a value is required"),
        ({"value_as_number": "12,5 DUPONT"}, "value_as_number: expected a value of type double"),
        ({"value_as_number": float("nan")}, "value_as_number: expected a finite number"),
        ({"value_as_number": float("-inf")}, "value_as_number: expected a finite number"),
        ({"operator": "~"}, "operator: expected <, <=, >= or >"),
        ({"measurement_date": "01/03/2021"}, "measurement_date: expected a value of type date32[day]"),
        ({"measurement_concept_id": 2**63}, "measurement_concept_id: expected a value of type int64"),
        ({"unit_source_value": "\ud800"}, "unit_source_value: expected a value of type string"),
        ({"mesurement_date": None}, "mesurement_date is no column of measurement"),
    ],
)
def test_a_fault_names_column_and_rule(rows: Any, changed: dict[str, Any], says: str) -> None:
    assert faults(MEASUREMENT, [rows.measurement(**changed)]).get(0) == says


def test_a_uid_that_is_not_keyed_is_refused(rows: Any) -> None:
    fault = faults(IMAGE_OCCURRENCE, [rows.series(SeriesInstanceUID="1.2.840.113619.2")]).get(0)
    assert fault == "SeriesInstanceUID: expected a keyed UID, 2.25.…"


def test_the_error_names_table_row_and_column_but_no_value(rows: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        to_arrow(MEASUREMENT, [rows.measurement(), rows.measurement(value_as_number="DUPONT")])
    assert str(caught.value) == "measurement, row 2: value_as_number: expected a value of type double"
    assert "DUPONT" not in str(caught.value)


def test_faults_finds_every_bad_row_among_good_ones(rows: Any) -> None:
    given = [rows.person(), rows.person(year_of_birth=12), rows.person(), rows.person(site=None)]
    assert faults(PERSON, given) == {
        1: "year_of_birth: expected between 1850 and 2150",
        3: "site: a value is required",
    }


def test_an_instant_with_a_zone_is_kept_in_utc(rows: Any) -> None:
    paris = datetime(2021, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=1)))
    table = to_arrow(MEASUREMENT, [rows.measurement(measurement_datetime=paris)])
    assert table["measurement_datetime"][0].as_py() == paris.astimezone(UTC).replace(tzinfo=None)
