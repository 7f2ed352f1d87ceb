"""A number in a unit that the lake keeps none of that code in is refused, not answered with nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from federim.home import Home
from federim.lake import cohort
from federim.model.cohort import CohortDefinition, Criterion
from federim.model.criteria import above, feature, measurement, starts_with
from federim.model.errors import InputError


@pytest.fixture
def laboratory(site: Home, fill: Callable[..., Any], rows: Any) -> Home:
    fill(
        {
            "person": [rows.person("p1")],
            "measurement": [
                rows.measurement("p1", "m1", unit="mg/L"),
                rows.measurement("p1", "m2", measurement_source_value="9269-2", unit=None),
                rows.measurement("p1", "m3", measurement_source_value="718-7", unit="g/L"),
                rows.measurement("p1", "m4", measurement_source_value="718-8", unit="g/dL"),
            ],
            "image_feature": [
                {
                    "person_id": rows.person("p1")["person_id"],
                    "image_feature_id": rows.measurement("p1", "f1")["measurement_id"],
                    "feature_source_value": "volume",
                    "value_as_number": 120.0,
                    "unit_source_value": "mm3",
                }
            ],
        }
    )
    return site


def persons(home: Home, criterion: Criterion) -> int:
    return cohort.members(home, CohortDefinition(name="c", criterion=criterion)).persons.num_rows


@pytest.mark.parametrize(
    ("criterion", "says"),
    [
        (
            measurement("1988-5", above(1), unit="mg/dL"),
            "unit 'mg/dL': the lake keeps measurement 1988-5 in 'mg/L'",
        ),
        (~measurement("1988-5", above(1), unit="mg/dL"), "the lake keeps measurement 1988-5 in 'mg/L'"),
        (measurement(["1988-5", "718-7"], above(1), unit="g/L"), "measurement 1988-5 in 'mg/L'"),
        (measurement("9269-2", above(1), unit="{score}"), "measurement 9269-2 in 'none'"),
        (measurement(starts_with("718"), above(1), unit="kg/L"), "codes that begin so in 'g/L' or 'g/dL'"),
        (feature("volume", above(1), unit="mL"), "the lake keeps feature volume in 'mm3'"),
    ],
)
def test_a_unit_the_lake_has_none_in_is_refused_by_naming_its_own(
    laboratory: Home, criterion: Criterion, says: str
) -> None:
    with pytest.raises(InputError, match="give the values in that unit") as caught:
        persons(laboratory, criterion)
    assert says in str(caught.value)


def test_the_units_that_are_there_are_answered(laboratory: Home) -> None:
    assert persons(laboratory, measurement("1988-5", above(1), unit="mg/L")) == 1
    assert persons(laboratory, measurement("9269-2", above(1), unit="none")) == 1
    assert persons(laboratory, measurement(starts_with("718"), above(1), unit="g/dL")) == 1
    assert persons(laboratory, feature("volume", above(1), unit="mm3")) == 1


def test_a_code_that_the_lake_has_none_of_is_no_error(laboratory: Home) -> None:
    assert persons(laboratory, measurement("2345-7", above(1), unit="mmol/L")) == 0
