"""Turn a FHIR Patient into the row of a person."""

from __future__ import annotations

from federim.model.identifiers import SiteName, Subject
from federim_pipelines.deidentify.dates import year_of_birth
from federim_pipelines.extract import moments
from federim_pipelines.extract.facts import TableRow, gender_of, person
from federim_pipelines.sources.fhir.content import Resource


def person_of(patient: Resource, subject: Subject, site: SiteName, year: int) -> TableRow:
    """The row of a Patient; `year` is the year of the import, against which great ages are grouped.

    Raises
    ------
    Unusable
        Its birth date cannot be read.

    References
    ----------
    HL7 FHIR R4, Patient; OMOP CDM 5.4, PERSON.
    """
    birth = moments.birth_of_fhir(patient)
    gender = patient.get("gender")
    return person(
        subject,
        site,
        year_of_birth=None if birth is None else year_of_birth(birth, year),
        gender=gender_of(gender),
    )
