"""A snapshot's rows as a matrix and a label: which value counts, in which unit, and who is left out."""

from __future__ import annotations

import datetime as dt
import hashlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from federim.home import Home
from federim.lake import snapshot
from federim.lake.tables import Lake
from federim.model.training import Feature, Label, LabelTable, SnapshotPin, Statistic
from federim_federated import features

P1, P2, P3 = (digit * 32 for digit in "123")


def measured(person: str, code: str, value: float | None, day: int, unit: str = "mg/L") -> dict[str, Any]:
    return {
        "person_id": person,
        "measurement_id": hashlib.sha256(f"{person}{code}{value}{day}".encode()).hexdigest()[:32],
        "measurement_concept_id": 0,
        "measurement_source_value": code,
        "measurement_date": dt.date(2024, 1, day),
        "value_as_number": value,
        "unit": unit,
    }


def observed(person: str, value: str, day: int) -> dict[str, Any]:
    return {
        "person_id": person,
        "observation_id": hashlib.sha256(f"{person}{value}{day}".encode()).hexdigest()[:32],
        "observation_concept_id": 0,
        "observation_source_value": "discharge",
        "observation_date": dt.date(2024, 1, day),
        "value_source_code": value,
    }


@pytest.fixture
def plan_on(make_home):
    """A site of three persons, and a function that makes plans on its snapshot."""
    home: Home = make_home()
    persons = [
        {"person_id": person, "year_of_birth": 1950, "gender_concept_id": 0, "site": "alpha", "linked": False}
        for person in (P1, P2, P3)
    ]
    rows = {
        "person": persons,
        "measurement": [
            measured(P1, "crp", 8.0, day=3),
            measured(P1, "crp", 2.0, day=1),
            measured(P1, "crp", 5.0, day=5),
            measured(P1, "crp", 500.0, day=9, unit="ug/L"),
            measured(P1, "crp", None, day=10),
            measured(P2, "crp", 4.0, day=2),
        ],
        "condition_occurrence": [
            {
                "person_id": P2,
                "condition_occurrence_id": "a" * 32,
                "condition_concept_id": 0,
                "condition_source_value": "C34.9",
            }
        ],
        "observation": [
            observed(P1, "Expired", day=9),
            observed(P1, "Alive", day=2),
            observed(P2, "Alive", day=4),
        ],
    }
    with Lake(home).writing() as writer:
        writer.commit(rows, {})
    (home.cohorts / "adults.toml").write_text("[person]\nyear_of_birth = { at_least = 1900 }\n")
    sha256 = snapshot.freeze(home, "adults").sha256

    def plan(label: Label, *chosen: Feature) -> features.Cohort:
        pin = SnapshotPin(site=home.name, sha256=sha256)
        asked = SimpleNamespace(name="p", cohort="adults", label=label, features=chosen, pin=lambda site: pin)
        return features.read(home, asked)

    return plan


LESION = Label(table=LabelTable.CONDITION, code="C34.9")


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        (Statistic.FIRST, 2.0),
        (Statistic.LAST, 5.0),
        (Statistic.MEAN, 5.0),
        (Statistic.MIN, 2.0),
        (Statistic.MAX, 8.0),
    ],
)
def test_of_many_values_the_plans_statistic_counts_and_only_in_its_unit(plan_on, statistic, value):
    cohort = plan_on(LESION, Feature(code="crp", unit="mg/L", statistic=statistic))
    assert cohort.person_ids == (P1, P2, P3)
    np.testing.assert_array_equal(cohort.inputs[:, 0], [value, 4.0, np.nan])


def test_columns_are_in_the_plans_order_and_the_same_code_may_come_twice(plan_on):
    cohort = plan_on(
        LESION,
        Feature(code="absent", unit="1"),
        Feature(code="crp", unit="ug/L"),
        Feature(code="crp", unit="mg/L", statistic=Statistic.MAX),
    )
    np.testing.assert_array_equal(cohort.inputs[0], [np.nan, 500.0, 8.0])


@pytest.mark.parametrize(
    ("label", "cases"),
    [
        (LESION, {P1: 0.0, P2: 1.0, P3: 0.0}),
        (Label(table=LabelTable.CONDITION, code="C34"), {P1: 0.0, P2: 0.0, P3: 0.0}),
        (Label(table=LabelTable.OBSERVATION, code="discharge", value="Expired"), {P1: 1.0, P2: 0.0}),
        (Label(table=LabelTable.MEASUREMENT, code="crp", unit="mg/L", at_least=5.0), {P1: 1.0, P2: 0.0}),
        (Label(table=LabelTable.MEASUREMENT, code="crp", unit="mg/L", at_least=5.5), {P1: 0.0, P2: 0.0}),
    ],
)
def test_a_label_is_the_last_word_and_who_has_none_is_left_out(plan_on, label, cases):
    cohort = plan_on(label, Feature(code="x", unit="1"))
    assert dict(zip(cohort.person_ids, cohort.labels.tolist(), strict=True)) == cases
