"""FHIR diagnoses, acts, drugs and stays become rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

MakeResource = Callable[..., dict[str, Any]]
MakeRows = Callable[..., list[Any]]
CONDITION = {
    "resourceType": "Condition",
    "code": {
        "coding": [
            {"system": "http://snomed.info/sct", "code": "254637007"},
            {"system": "http://hl7.org/fhir/sid/icd-10", "code": "C34.9"},
        ]
    },
    "onsetDateTime": "2020-05-11",
    "abatementDateTime": "2021-01-02T10:00:00Z",
}
PROCEDURE = {
    "resourceType": "Procedure",
    "status": "completed",
    "code": {
        "coding": [
            {"system": "http://snomed.info/sct", "code": "1"},
            {"system": "urn:oid:1.2.250.1.213.2.5", "code": "ZBQK002"},
        ]
    },
    "performedPeriod": {"start": "2013-07-17T02:24:38-07:00"},
}


def test_a_diagnosis_bears_its_cim_10_code_and_moved_dates(make_rows: MakeRows) -> None:
    [(table, row)] = make_rows(CONDITION)
    assert table == "condition_occurrence"
    assert row["condition_source_value"] == "C34.9"
    assert row["condition_start_date"] == dt.date(2020, 5, 1)
    assert row["condition_end_date"] == dt.date(2020, 12, 23)


def test_an_act_bears_its_ccam_code(make_rows: MakeRows) -> None:
    [(table, row)] = make_rows(PROCEDURE)
    assert (table, row["procedure_source_value"]) == ("procedure_occurrence", "ZBQK002")
    assert row["procedure_date"] == dt.date(2013, 7, 7)


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_diagnosis_that_was_never_true_makes_no_row(make_rows: MakeRows, status: str) -> None:
    told = CONDITION | {"verificationStatus": {"coding": [{"code": status}]}}
    assert make_rows(told) == []


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "preparation"])
def test_an_act_that_was_not_done_makes_no_row(make_rows: MakeRows, status: str) -> None:
    assert make_rows(PROCEDURE | {"status": status}) == []


def test_a_text_is_no_code(make_rows: MakeRows) -> None:
    with pytest.raises(Unusable) as caught:
        make_rows(CONDITION | {"code": {"text": "cancer of Mrs Martin"}})
    assert (caught.value.reason, caught.value.detail) == (Reason.CODE_MISSING, "Condition.code")


def coding(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def test_an_act_on_one_place_says_where_and_on_two_does_not(make_rows: MakeRows) -> None:
    lung, liver = (coding("http://snomed.info/sct", code) for code in ("39607008", "10200004"))
    [(_, row)] = make_rows(PROCEDURE | {"bodySite": [lung]})
    assert row["body_site_source_value"] == "39607008"
    [(_, row)] = make_rows(PROCEDURE | {"bodySite": [lung, liver]})
    assert row["body_site_source_value"] is None


GIVEN = {
    "resourceType": "MedicationAdministration",
    "status": "completed",
    "medicationCodeableConcept": {
        "coding": [
            {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "2284960"},
            {"system": "http://www.whocc.no/atc", "code": "V08AB05"},
        ],
        "text": "iopromide for Mrs Martin",
    },
    "effectivePeriod": {"start": "2024-03-05T09:00:00+01:00", "end": "2024-03-05T09:01:00+01:00"},
    "dosage": {
        "route": coding("http://snomed.info/sct", "47625008"),
        "dose": {"value": 90, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"},
    },
}


def test_a_contrast_medium_given_is_a_drug_exposure_with_its_dose(make_rows: MakeRows) -> None:
    [(table, row)] = make_rows(GIVEN)
    assert table == "drug_exposure"
    assert (row["drug_source_value"], row["drug_source_system"]) == ("V08AB05", "http://www.whocc.no/atc")
    assert (row["drug_exposure_start_date"], row["drug_exposure_end_date"]) == (dt.date(2024, 2, 24),) * 2
    assert (row["quantity"], row["dose_unit_source_value"]) == (90.0, "mL")
    assert row["route_source_value"] == "47625008"


def test_a_drug_a_patient_states_has_its_dose_elsewhere(make_rows: MakeRows) -> None:
    told = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": GIVEN["medicationCodeableConcept"],
        "effectiveDateTime": "2024-03-05",
        "dosage": [{"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}],
    }
    [(_, row)] = make_rows(told)
    assert (row["quantity"], row["dose_unit_source_value"]) == (1.0, "tablet")
    assert row["drug_exposure_end_date"] is None


def test_a_drug_in_a_contained_resource_is_told_by_its_code(make_rows: MakeRows) -> None:
    told = {name: value for name, value in GIVEN.items() if name != "medicationCodeableConcept"} | {
        "medicationReference": {"reference": "#m"},
        "contained": [
            {"resourceType": "Medication", "id": "m", "code": GIVEN["medicationCodeableConcept"]},
        ],
    }
    [(_, row)] = make_rows(told)
    assert row["drug_source_value"] == "V08AB05"


@pytest.mark.parametrize(
    ("elements", "reason", "detail"),
    [
        (
            {"medicationCodeableConcept": {"text": "Martin's own"}},
            Reason.CODE_MISSING,
            "MedicationAdministration.medication[x]",
        ),
        (
            {"dosage": {"dose": {"value": "Martin"}}},
            Reason.VALUE_UNUSABLE,
            "MedicationAdministration.dosage.dose",
        ),
        (
            {"dosage": {"dose": {"value": 1, "unit": "spoon of Mrs Martin"}}},
            Reason.VALUE_UNUSABLE,
            "MedicationAdministration.dosage.dose.unit",
        ),
        ({"effectivePeriod": {"end": "Martin"}}, Reason.DATE_UNUSABLE, "effectivePeriod.end"),
    ],
)
def test_a_drug_that_cannot_be_used_is_refused_without_its_value(
    make_rows: MakeRows, elements: dict[str, Any], reason: Reason, detail: str
) -> None:
    with pytest.raises(Unusable) as caught:
        make_rows(GIVEN | elements)
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


@pytest.mark.parametrize(
    ("kind", "status"), [("MedicationAdministration", "not-done"), ("MedicationStatement", "not-taken")]
)
def test_a_drug_not_taken_makes_no_row(make_rows: MakeRows, kind: str, status: str) -> None:
    assert make_rows(GIVEN | {"resourceType": kind, "status": status}) == []


def test_a_stay_is_told_by_its_class_arrival_and_departure(make_rows: MakeRows) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    told = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": system, "code": "IMP"},
        "period": {"start": "2024-03-05T08:00:00+01:00", "end": "2024-03-07T18:30:00+01:00"},
    }
    [(table, row)] = make_rows(told)
    assert (table, row["visit_source_value"], row["visit_source_system"]) == (
        "visit_occurrence",
        "IMP",
        system,
    )
    assert row["visit_start_datetime"] == dt.datetime(2024, 2, 24, 8, 0)
    assert row["visit_end_datetime"] == dt.datetime(2024, 2, 26, 18, 30)
    assert make_rows(told | {"status": "planned"}) == []


STUDY = {
    "resourceType": "ImagingStudy",
    "status": "available",
    "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.99999999.1"}],
    "started": "2024-03-05T09:00:00+01:00",
    "series": [
        {
            "uid": "1.2.840.99999999.2",
            "modality": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"},
            "bodySite": {"system": "http://snomed.info/sct", "code": "39607008"},
        }
    ],
}


def test_an_imaging_study_is_an_act_that_joins_its_images(make_rows: MakeRows, someone: Subject) -> None:
    [(table, row)] = make_rows(STUDY)
    assert (table, row["procedure_source_value"]) == ("procedure_occurrence", "CT")
    assert row["procedure_date"] == dt.date(2024, 2, 24)
    assert row["body_site_source_value"] == "39607008"
    assert row["StudyInstanceUID"] == keyed_uid(someone.uid_key, "1.2.840.99999999.1")


def test_an_imaging_study_says_better_what_was_done_than_its_modality(make_rows: MakeRows) -> None:
    told = STUDY | {"procedureCode": [coding("https://smt.esante.gouv.fr/terminologie-ccam", "ZBQK002")]}
    [(_, row)] = make_rows(told)
    assert row["procedure_source_value"] == "ZBQK002"
