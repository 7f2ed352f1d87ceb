"""The examples of the French common data set of health data warehouses, values checked by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fsh_instances import instance, profile

from federim_pipelines.items import Item, Outcome, Reason
from federim_pipelines.sources.fhir import reading
from federim_pipelines.worker import Worker

WriteFile = Callable[..., Item]


def loinc(code: str) -> dict[str, Any]:
    return {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}}


def observed(code: str = "", category: str = "") -> dict[str, Any]:
    """What a profile of Observation fixes."""
    told: dict[str, Any] = {"resourceType": "Observation"} | (loinc(code) if code else {})
    return told | ({"category": [{"coding": [{"code": category}]}]} if category else {})


# From the profiles of the implementation guide (ANS, IG FHIR EDS socle commun), and for vital signs from
# those of HL7 FHIR R4.
PROFILES: dict[str, dict[str, Any]] = {
    "EDSObservationBodyWeight": observed("29463-7", "vital-signs"),
    "EDSObservationBodyHeight": observed("8302-2", "vital-signs"),
    "EDSObservationBloodPressure": observed("85354-9", "vital-signs"),
    "EDSObservationLaboratoryUremie": observed("22664-7", "laboratory"),
    "EDSObservationLaboratoryFonctionRenale": observed("45066-8", "laboratory"),
    "EDSObservationLaboratoryTCA": observed("50197-3", "laboratory"),
    "EDSObservationAlcoholUseStatus": observed("11331-6", "social-history"),
    "EDSObservationSubstanceUseStatus": observed("11343-1", "social-history"),
    "EDSObservationSmokingStatus": observed(category="social-history"),
    "EDSObservationExerciceStatus": observed(category="social-history"),
    "EDSPatient": {"resourceType": "Patient"},
    "EDSClaimRSS": {"resourceType": "Claim"},
    "FRCorePractitionerRole": {"resourceType": "PractitionerRole"},
    "Coverage": {"resourceType": "Coverage"},
    "Organization": {"resourceType": "Organization"},
}
SLICES = {
    "SystolicBP": loinc("8480-6"),
    "DiastolicBP": loinc("8462-4"),
    "Creat": loinc("14682-9"),
    "Dfg": {},
    "PatientTCA": loinc("14979-9"),
    "ControlTCA": loinc("13488-2"),
    "TCARatioPonC": loinc("63561-5"),
}

SUMMER, MORNING = dt.date(2024, 7, 26), dt.datetime(2024, 8, 27, 9)
AFTERNOON, LATER = dt.datetime(2024, 8, 27, 14), dt.datetime(2024, 8, 27, 14, 25)
DECLARED = dt.date(2023, 8, 3)
# Code, number, unit, limits and moment, as a person reads them in the files.
MEASURED = {
    ("29463-7", 96.0, "kg", None, None, SUMMER),
    ("8302-2", 185.0, "cm", None, None, SUMMER),
    ("8480-6", 107.0, "mm[Hg]", None, None, SUMMER),
    ("8462-4", 60.0, "mm[Hg]", None, None, SUMMER),
    ("22664-7", 7.4, "mmol/L", 2.5, 7.0, MORNING),
    ("14682-9", 80.0, "umol/L", 50.0, 100.0, AFTERNOON),
    ("77147-7", 80.0, "mL/min", 60.0, None, AFTERNOON),
    ("14979-9", 33.0, "s", None, None, LATER),
    ("13488-2", 31.0, "s", None, None, LATER),
    ("63561-5", 1.06, None, 0.8, 1.2, LATER),
    ("89555-7", 3.0, "d/wk", None, None, DECLARED),
    ("68516-4", 60.0, "min/d", None, None, DECLARED),
    ("401201003", 26.0, "{pack-years}", None, None, DECLARED),
}
OBSERVED = {("11331-6", "228276006"), ("11343-1", "44870007"), ("410942007", "703842006")}


@pytest.fixture
def outcome(shared_data: Path, worker: Worker, write_file: WriteFile) -> Outcome:
    """What all the files become, told in a bundle."""
    texts = [path.read_text() for path in sorted((shared_data / "eds-socle").glob("*.fsh"))]
    assert len(texts) == 17
    told = [instance(text, PROFILES[profile(text)], SLICES) for text in texts]
    entries = [{"resource": resource} for resource in told]
    return reading.read(write_file("eds.json", {"resourceType": "Bundle", "entry": entries}), worker)


def test_every_value_of_the_examples_is_in_the_lake(outcome: Outcome, worker: Worker) -> None:
    rows = [row for record in outcome.records for table, row in record.rows if table == "measurement"]
    [subject] = {row["person_id"] for record in outcome.records for _, row in record.rows}
    identity = reading.identity_of({"id": "patient-example-1"})
    assert identity is not None
    known = worker.exchange.find(identity)
    assert known is not None
    assert known.person_id == subject
    back = dt.timedelta(days=-known.date_shift_days)
    assert {
        (
            row["measurement_source_value"],
            row["value_source_number"],
            row["unit_source_value"],
            row["range_low"],
            row["range_high"],
            (row["measurement_datetime"] or row["measurement_date"]) + back,
        )
        for row in rows
    } == MEASURED
    # The guide gives its values in units that need no conversion.
    assert all(row["value_as_number"] == row["value_source_number"] for row in rows)
    assert len(rows) == len(MEASURED)


def test_what_is_declared_in_codes_is_in_the_lake_and_in_words_is_not(outcome: Outcome) -> None:
    rows = [row for record in outcome.records for table, row in record.rows if table == "observation"]
    assert {(row["observation_source_value"], row["value_source_code"]) for row in rows} == OBSERVED
    assert [(refused.reason, refused.detail) for refused in outcome.refusals] == [
        (Reason.VALUE_UNUSABLE, "Observation.component.valueString")
    ]
    assert outcome.skipped == {"Claim": 1, "Coverage": 1, "Organization": 2, "PractitionerRole": 1}


def test_an_instance_in_shorthand_is_the_resource_it_stands_for() -> None:
    text = """Instance: made-up
InstanceOf: EDSObservationLaboratoryFonctionRenale
Description: \"\"\"Two values,
* code = #none of them this one\"\"\"
Usage: #example

* status = #final // as they all are
* subject = Reference(Patient/made-up)
* component[Creat].valueQuantity = 70 'umol/L' "micromole par litre"
* component[Creat].referenceRange.low = 50 'umol/L'
* component[Dfg]
  * code = $loinc#77147-7
  * valueQuantity
    * value = 90
    * code = $ucum#mL/min
* component[+].code = $sct#410942007
"""
    assert profile(text) == "EDSObservationLaboratoryFonctionRenale"
    ucum = "http://unitsofmeasure.org"
    assert instance(text, {"resourceType": "Observation"}, SLICES) == {
        "resourceType": "Observation",
        "id": "made-up",
        "status": "final",
        "subject": {"reference": "Patient/made-up"},
        "component": [
            {
                **loinc("14682-9"),
                "valueQuantity": {
                    "value": 70.0,
                    "unit": "micromole par litre",
                    "system": ucum,
                    "code": "umol/L",
                },
                "referenceRange": [
                    {"low": {"value": 50.0, "unit": "umol/L", "system": ucum, "code": "umol/L"}}
                ],
            },
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": "77147-7", "display": None}]},
                "valueQuantity": {"value": 90.0, "code": "mL/min"},
            },
            {
                "code": {
                    "coding": [{"system": "http://snomed.info/sct", "code": "410942007", "display": None}]
                }
            },
        ],
    }
