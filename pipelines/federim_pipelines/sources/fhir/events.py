"""Turn diagnoses, acts, drugs and stays into rows of the OMOP tables that bear their names."""

from __future__ import annotations

from collections.abc import Iterator

from federim_pipelines.codes.code import Code
from federim_pipelines.extract import moments
from federim_pipelines.extract.facts import Facts, TableRow
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.fhir.codings import (
    DIAGNOSED,
    DONE,
    ROUTES,
    SITES,
    coded,
    preferred,
)
from federim_pipelines.sources.fhir.content import Resource
from federim_pipelines.sources.fhir.links import Links, study_of
from federim_pipelines.sources.fhir.results import number_of, unit_of


def condition(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow]:  # noqa: ARG001
    """The row of a Condition.

    Raises
    ------
    Unusable
        It has no code, or a date cannot be read.

    References
    ----------
    HL7 FHIR R4, Condition; OMOP CDM 5.4, CONDITION_OCCURRENCE.
    """
    code = _required(preferred(resource.get("code"), DIAGNOSED), "Condition.code")
    start = moments.of_fhir(resource, "onsetDateTime", "onsetPeriod", "recordedDate")
    end = moments.of_fhir(resource, "abatementDateTime", "abatementPeriod")
    yield facts.condition(key, code, start, end)


def procedure(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow]:  # noqa: ARG001
    """The row of a Procedure.

    Raises
    ------
    Unusable
        It has no code, or its date cannot be read.

    References
    ----------
    HL7 FHIR R4, Procedure; OMOP CDM 5.4, PROCEDURE_OCCURRENCE.
    """
    code = _required(preferred(resource.get("code"), DONE), "Procedure.code")
    done = moments.of_fhir(resource, "performedDateTime", "performedPeriod")
    sites = [preferred(concept, SITES) for concept in resource.get("bodySite", ())]
    yield facts.procedure(key, code, done, body_site=_only(sites))


def imaging(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow]:  # noqa: ARG001
    """The row of the act that an ImagingStudy tells, by its procedureCode or else by its modality.

    What it says of series and instances is read from the objects themselves: rows for objects the site does
    not hold would be inventions.

    Raises
    ------
    Unusable
        It has neither code, or its date cannot be read.

    References
    ----------
    HL7 FHIR R4, ImagingStudy; OMOP CDM 5.4, PROCEDURE_OCCURRENCE.
    """
    series = resource.get("series", ())
    codes = [preferred(concept, DONE) for concept in resource.get("procedureCode", ())]
    codes += [coded(each) for each in resource.get("modality", ())]
    codes += [coded(each.get("modality")) for each in series]
    code = _required(next((code for code in codes if code), None), "ImagingStudy.procedureCode")
    at = moments.of_fhir(resource, "started")
    site = _only([coded(each.get("bodySite")) for each in series])
    yield facts.procedure(key, code, at, body_site=site, study_uid=study_of(resource)[0])


def drug(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow]:
    """The row of a MedicationAdministration or a MedicationStatement, its first dose the one that is told.

    Raises
    ------
    Unusable
        Its drug has no code or is not at hand, or a date, dose or unit cannot be read.

    References
    ----------
    HL7 FHIR R4, MedicationAdministration and MedicationStatement; OMOP CDM 5.4, DRUG_EXPOSURE.
    """
    kind = resource["resourceType"]
    code = _required(links.medication(resource), f"{kind}.medication[x]")
    start = moments.of_fhir(resource, "effectiveDateTime", "effectivePeriod", "dateAsserted")
    end = moments.end_of_fhir(resource, "effectivePeriod")
    told = resource.get("dosage") or {}
    dosage: Resource = told if isinstance(told, dict) else next(iter(told), {})
    rate: Resource = next(iter(dosage.get("doseAndRate", ())), {})
    dose = dosage.get("dose") or rate.get("doseQuantity") or {}
    path = f"{kind}.dosage.dose"
    yield facts.drug(
        key,
        code,
        start,
        end,
        quantity=number_of(dose["value"], path) if "value" in dose else None,
        unit=unit_of(dose, path),
        route=preferred(dosage.get("route"), ROUTES),
    )


def encounter(resource: Resource, facts: Facts, key: str, links: Links) -> Iterator[TableRow]:  # noqa: ARG001
    """The row of an Encounter, by its class.

    Raises
    ------
    Unusable
        It has no class, or a date cannot be read.

    References
    ----------
    HL7 FHIR R4, Encounter; HL7 v3 ActCode, ActEncounterCode; OMOP CDM 5.4, VISIT_OCCURRENCE.
    """
    code = _required(coded(resource.get("class")), "Encounter.class")
    start, end = moments.of_fhir(resource, "period"), moments.end_of_fhir(resource, "period")
    yield facts.visit(key, code, start, end)


def _required(code: Code | None, path: str) -> Code:
    if code is None:
        raise Unusable(Reason.CODE_MISSING, path)
    return code


def _only(codes: list[Code | None]) -> Code | None:
    """The code that all of them are: an act on two places has no one place."""
    told = {code for code in codes if code is not None}
    return told.pop() if len(told) == 1 else None
