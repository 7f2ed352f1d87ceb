"""Turn FHIR patients, diagnoses and acts into rows of the OMOP tables that bear their names."""

from __future__ import annotations

from typing import Any

from federim.model.identifiers import SiteName, Subject
from federim_pipelines.deidentify.dates import year_of_birth
from federim_pipelines.extract import codes, moments
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason, Row

Rows = list[tuple[str, Row]]

MALE, FEMALE, UNKNOWN_GENDER = 8507, 8532, 0  # OMOP concepts
_GENDERS = {"male": MALE, "female": FEMALE}

_NEVER_TRUE = frozenset({"refuted", "entered-in-error"})
_NOT_DONE = frozenset({"preparation", "not-done", "entered-in-error"})


def person(
    subject: Subject, site: SiteName, *, year_of_birth: int | None = None, gender: int | None = None
) -> tuple[str, Row]:
    """A row of person; what is None is filled when another record tells it."""
    return "person", {
        "person_id": subject.person_id,
        "year_of_birth": year_of_birth,
        "gender_concept_id": gender,
        "site": site,
        "linked": subject.linked,
    }


def patient(resource: dict[str, Any], subject: Subject, site: SiteName, year: int) -> Rows:
    """The row of a Patient; `year` is the year of the import, against which great ages are grouped.

    Raises
    ------
    Unusable
        Its birth date cannot be read.

    References
    ----------
    HL7 FHIR R4, Patient; OMOP CDM 5.4, PERSON.
    """
    birth = moments.birth_of_fhir(resource)
    gender = resource.get("gender")
    return [
        person(
            subject,
            site,
            year_of_birth=None if birth is None else year_of_birth(birth, year),
            gender=None if gender is None else _GENDERS.get(gender, UNKNOWN_GENDER),
        )
    ]


def condition(resource: dict[str, Any], subject: Subject, key: str) -> Rows:
    """The row of a Condition; none if it was refuted or entered in error.

    Raises
    ------
    Unusable
        It has no code, or a date cannot be read.

    References
    ----------
    HL7 FHIR R4, Condition; OMOP CDM 5.4, CONDITION_OCCURRENCE.
    """
    if codes.has_code(resource.get("verificationStatus"), _NEVER_TRUE):
        return []
    code = codes.preferred(resource.get("code"), codes.DIAGNOSED)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, "Condition.code")
    start = moments.of_fhir(resource, "onsetDateTime", "onsetPeriod", "recordedDate")
    end = moments.of_fhir(resource, "abatementDateTime", "abatementPeriod")
    return [
        (
            "condition_occurrence",
            {
                "person_id": subject.person_id,
                "condition_occurrence_id": key,
                **codes.columns("condition", code),
                "condition_start_date": start.shifted(subject.date_shift_days).date,
                "condition_end_date": end.shifted(subject.date_shift_days).date,
            },
        )
    ]


def procedure(resource: dict[str, Any], subject: Subject, key: str) -> Rows:
    """The row of a Procedure; none if it was not done.

    Raises
    ------
    Unusable
        It has no code, or its date cannot be read.

    References
    ----------
    HL7 FHIR R4, Procedure; OMOP CDM 5.4, PROCEDURE_OCCURRENCE.
    """
    if resource.get("status") in _NOT_DONE:
        return []
    code = codes.preferred(resource.get("code"), codes.DONE)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, "Procedure.code")
    done = moments.of_fhir(resource, "performedDateTime", "performedPeriod")
    return [
        (
            "procedure_occurrence",
            {
                "person_id": subject.person_id,
                "procedure_occurrence_id": key,
                **codes.columns("procedure", code),
                "procedure_date": done.shifted(subject.date_shift_days).date,
            },
        )
    ]
