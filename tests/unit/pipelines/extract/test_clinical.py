"""FHIR patients, diagnoses and acts become rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from federim.model.identifiers import SiteName, Subject
from federim_pipelines.extract import clinical
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

MakeResource = Callable[..., dict[str, Any]]
KEY = "0123456789abcdef" * 2
SITE = SiteName("alpha")
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


@pytest.mark.parametrize(
    ("gender", "concept"),
    [("male", 8507), ("female", 8532), ("other", 0), ("unknown", 0), (None, None)],
)
def test_gender_is_an_omop_concept(
    make_patient: MakeResource, someone: Subject, gender: str | None, concept: int | None
) -> None:
    told = make_patient()
    told.pop("gender")
    if gender:
        told["gender"] = gender
    [(_, row)] = clinical.patient(told, someone, SITE, 2026)
    assert row["gender_concept_id"] == concept


@pytest.mark.parametrize(
    ("born", "year"), [("1961-04-09", 1961), ("1936", 1936), ("1935-01-01", 1936), ("1899", 1936)]
)
def test_the_oldest_are_one_group(make_patient: MakeResource, someone: Subject, born: str, year: int) -> None:
    [(_, row)] = clinical.patient(make_patient(birthDate=born), someone, SITE, 2026)
    assert row["year_of_birth"] == year


def test_a_diagnosis_bears_its_cim_10_code_and_moved_dates(someone: Subject) -> None:
    [(table, row)] = clinical.condition(CONDITION, someone, KEY)
    assert table == "condition_occurrence"
    assert row["condition_source_value"] == "C34.9"
    assert row["condition_start_date"] == dt.date(2020, 5, 1)
    assert row["condition_end_date"] == dt.date(2020, 12, 23)


def test_an_act_bears_its_ccam_code(someone: Subject) -> None:
    [(table, row)] = clinical.procedure(PROCEDURE, someone, KEY)
    assert (table, row["procedure_source_value"]) == ("procedure_occurrence", "ZBQK002")
    assert row["procedure_date"] == dt.date(2013, 7, 7)


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_diagnosis_that_was_never_true_makes_no_row(someone: Subject, status: str) -> None:
    told = CONDITION | {"verificationStatus": {"coding": [{"code": status}]}}
    assert clinical.condition(told, someone, KEY) == []


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "preparation"])
def test_an_act_that_was_not_done_makes_no_row(someone: Subject, status: str) -> None:
    assert clinical.procedure(PROCEDURE | {"status": status}, someone, KEY) == []


def test_a_text_is_no_code(someone: Subject) -> None:
    with pytest.raises(Unusable) as caught:
        clinical.condition(CONDITION | {"code": {"text": "cancer of Mrs Martin"}}, someone, KEY)
    assert (caught.value.reason, caught.value.detail) == (Reason.CODE_MISSING, "Condition.code")
