"""FHIR observations become measurements and observations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from federim.model.identifiers import Subject
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

MakeResource = Callable[..., dict[str, Any]]
MakeRows = Callable[..., list[Any]]


def test_a_result_keeps_its_code_unit_date_operator_and_limits(
    make_observation: MakeResource, make_rows: MakeRows, someone: Subject, key: str
) -> None:
    told = make_observation(
        valueQuantity={"value": 5, "comparator": "<", "unit": "µmol/L", "code": "umol/L"},
        referenceRange=[{"low": {"value": 45}, "high": {"value": 84.5}}],
    )
    [(table, row)] = make_rows(told)
    assert table == "measurement"
    assert row == {
        "person_id": someone.person_id,
        "measurement_id": key,
        "measurement_concept_id": 0,
        "measurement_source_value": "14682-9",
        "measurement_source_system": "http://loinc.org",
        "measurement_date": dt.date(2024, 2, 24),
        "measurement_datetime": dt.datetime(2024, 2, 24, 8, 30),
        "value_as_number": 5.0,
        "value_source_code": None,
        "operator": "<",
        "unit": "umol/L",
        "range_low": 45.0,
        "range_high": 84.5,
        "value_source_number": 5.0,
        "unit_source_value": "umol/L",
        "specimen_source_value": None,
        "report_id": None,
        "visit_occurrence_id": None,
    }


def test_a_blood_pressure_is_a_row_a_component_with_ids_of_their_own(
    make_observation: MakeResource, make_rows: MakeRows, key: str
) -> None:
    def part(code: str, value: int) -> dict[str, Any]:
        coding = {"system": "http://loinc.org", "code": code}
        return {"code": {"coding": [coding]}, "valueQuantity": {"value": value, "unit": "mm[Hg]"}}

    told = make_observation(valueQuantity=None, component=[part("8480-6", 107), part("8462-4", 60)])
    rows = [row for _, row in make_rows(told)]
    assert [(row["measurement_source_value"], row["value_as_number"]) for row in rows] == [
        ("8480-6", 107.0),
        ("8462-4", 60.0),
    ]
    assert len({row["measurement_id"] for row in rows} | {key}) == 3


@pytest.mark.parametrize(
    ("category", "table"),
    [("laboratory", "measurement"), ("vital-signs", "measurement"), ("social-history", "observation")],
)
def test_a_coded_value_is_a_measurement_only_where_something_was_measured(
    make_observation: MakeResource, make_rows: MakeRows, category: str, table: str
) -> None:
    told = make_observation(
        category=[{"coding": [{"code": category}]}],
        valueQuantity=None,
        valueCodeableConcept={"coding": [{"system": "http://snomed.info/sct", "code": "266919005"}]},
    )
    [(found, row)] = make_rows(told)
    assert (found, row["value_source_code"]) == (table, "266919005")


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "entered-in-error"},
        {"valueQuantity": None},
        {"valueQuantity": {"unit": "mg"}},
        {"valueQuantity": None, "hasMember": [{"reference": "Observation/o2"}]},
    ],
    ids=["withdrawn", "no value", "quantity without a value", "panel"],
)
def test_what_says_nothing_makes_no_row(
    make_observation: MakeResource, make_rows: MakeRows, elements: dict[str, Any]
) -> None:
    assert make_rows(make_observation(**elements)) == []


@pytest.mark.parametrize(
    ("elements", "reason", "detail"),
    [
        (
            {"valueQuantity": None, "valueString": "seen with Mrs Martin"},
            Reason.VALUE_UNUSABLE,
            "Observation.valueString",
        ),
        ({"valueQuantity": None, "valueMartin": 1}, Reason.VALUE_UNUSABLE, "Observation.value[x]"),
        ({"valueQuantity": {"value": "12 Martin"}}, Reason.VALUE_UNUSABLE, "Observation.valueQuantity"),
        ({"valueQuantity": {"value": True}}, Reason.VALUE_UNUSABLE, "Observation.valueQuantity"),
        ({"valueQuantity": {"value": float("inf")}}, Reason.VALUE_UNUSABLE, "Observation.valueQuantity"),
        (
            {"valueQuantity": None, "valueCodeableConcept": {"text": "Martin"}},
            Reason.VALUE_UNUSABLE,
            "Observation.valueCodeableConcept",
        ),
        (
            {"valueQuantity": None, "valueCodeableConcept": {"coding": [{"code": "says Mrs Martin"}]}},
            Reason.VALUE_UNUSABLE,
            "Observation.valueCodeableConcept",
        ),
        (
            {"valueQuantity": {"value": 1, "unit": "for Mrs Martin"}},
            Reason.VALUE_UNUSABLE,
            "Observation.valueQuantity.unit",
        ),
        ({"code": {"text": "Martin"}}, Reason.CODE_MISSING, "Observation.code"),
        ({"code": {"coding": [{"code": "Martin, Odile"}]}}, Reason.CODE_MISSING, "Observation.code"),
        (
            {"code": {"coding": [{"code": "CREA", "system": "the laboratory of Dr Martin"}]}},
            Reason.CODE_MISSING,
            "Observation.code",
        ),
        ({"effectiveDateTime": "Martin"}, Reason.DATE_UNUSABLE, "effectiveDateTime"),
    ],
)
def test_what_cannot_be_used_is_refused_without_its_value(
    make_observation: MakeResource, make_rows: MakeRows, elements: dict[str, Any], reason: Reason, detail: str
) -> None:
    with pytest.raises(Unusable) as caught:
        make_rows(make_observation(**elements))
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


def test_loinc_is_preferred_to_a_local_code(make_observation: MakeResource, make_rows: MakeRows) -> None:
    codings = [{"system": "urn:local", "code": "CREA"}, {"system": "http://loinc.org", "code": "14682-9"}]
    [(_, row)] = make_rows(make_observation(code={"coding": codings}))
    assert row["measurement_source_value"] == "14682-9"


def test_a_local_code_is_kept_as_it_is(make_observation: MakeResource, make_rows: MakeRows) -> None:
    codings = [{"system": "urn:local", "code": "CREA"}]
    [(_, row)] = make_rows(make_observation(code={"coding": codings}))
    assert (row["measurement_source_system"], row["measurement_concept_id"]) == ("urn:local", 0)


def test_a_component_in_words_is_refused_alone(make_observation: MakeResource, make_rows: MakeRows) -> None:
    coding = {"system": "http://snomed.info/sct", "code": "228390007"}
    told = make_observation(
        component=[{"code": {"coding": [coding]}, "valueString": "3 times a year, says Mrs Martin"}]
    )
    [(table, row), refused] = make_rows(told)
    assert (table, row["value_as_number"]) == ("measurement", 88.0)
    assert (refused.reason, refused.detail) == (Reason.VALUE_UNUSABLE, "Observation.component.valueString")


def test_a_limit_in_another_unit_than_the_value_is_no_limit(
    make_observation: MakeResource, make_rows: MakeRows
) -> None:
    told = make_observation(
        referenceRange=[{"low": {"value": 0.5, "code": "mg/dL"}, "high": {"value": 84, "unit": "µmol/L"}}]
    )
    [(_, row)] = make_rows(told)
    assert (row["range_low"], row["range_high"]) == (None, 84.0)


def test_the_same_system_has_one_spelling_in_the_lake(
    make_observation: MakeResource, make_rows: MakeRows
) -> None:
    codings = [{"system": "urn:oid:2.16.840.1.113883.6.1", "code": "14682-9"}]
    [(_, row)] = make_rows(make_observation(code={"coding": codings}))
    assert row["measurement_source_system"] == "http://loinc.org"


def test_a_specimen_is_told_by_its_code(make_observation: MakeResource, make_rows: MakeRows) -> None:
    type_ = {"coding": [{"system": "http://snomed.info/sct", "code": "119364003"}], "text": "of Mrs Martin"}
    told = make_observation(
        specimen={"reference": "#s"}, contained=[{"resourceType": "Specimen", "id": "s", "type": type_}]
    )
    [(_, row)] = make_rows(told)
    assert row["specimen_source_value"] == "119364003"


def test_a_number_greater_than_any_is_refused_beside_the_components_that_are_not(
    make_observation: MakeResource, make_rows: MakeRows
) -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    numbers = (10**400, 120)
    told = make_observation(
        component=[{"code": code, "valueQuantity": {"value": each, "unit": "mm[Hg]"}} for each in numbers]
    )
    del told["valueQuantity"]
    refused, (_, row) = make_rows(told)
    assert isinstance(refused, Unusable)
    assert refused.detail == "Observation.component.valueQuantity"
    assert row["value_as_number"] == 120
