"""The kinds of FHIR resources the lake has tables for: what is read of each, and when it is void."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from federim_pipelines.extract.facts import Facts, TableRow
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.sources.fhir import events, reports, results
from federim_pipelines.sources.fhir.codings import has_code
from federim_pipelines.sources.fhir.content import Resource
from federim_pipelines.sources.fhir.links import Links

MakeRows = Callable[[Resource, Facts, str, Links], Iterator[TableRow | Unusable]]

ENTERED_IN_ERROR = "entered-in-error"
_ERROR = frozenset({ENTERED_IN_ERROR})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource."""

    rows: MakeRows
    elements: frozenset[str]  # all that its rows are made of, person and stay apart
    void: frozenset[str]  # statuses that say it is not, or not yet, so

    def is_void(self, resource: Resource) -> bool:
        """Whether a resource says of itself that it is not, or not yet, so."""
        return _says(resource, self.void)

    def said(self, resource: Resource) -> Resource:
        """What a resource says, apart from what is for people and what others say of it.

        It decides whether a record met again is the same, so that a vocabulary loaded since, a new column
        or another narrative make no other record of it.
        """
        return {name: value for name, value in resource.items() if name in self.elements}


def was_an_error(resource: Resource) -> bool:
    """Whether a resource was never true, in any version."""
    return _says(resource, _ERROR)


def _says(resource: Resource, statuses: frozenset[str]) -> bool:
    """Whether the status is one of some; a Condition's is a CodeableConcept under another name."""
    return resource.get("status") in statuses or has_code(resource.get("verificationStatus"), statuses)


def _elements(names: str) -> frozenset[str]:
    return frozenset(names.split())


KINDS: dict[str, Kind] = {
    "Observation": Kind(
        results.observation,
        _elements(
            "category code effectiveDateTime effectiveInstant effectivePeriod issued component "
            "referenceRange valueQuantity valueInteger valueBoolean valueCodeableConcept"
        ),
        frozenset({ENTERED_IN_ERROR, "cancelled", "registered"}),
    ),
    "Condition": Kind(
        events.condition,
        _elements("code onsetDateTime onsetPeriod recordedDate abatementDateTime abatementPeriod"),
        frozenset({ENTERED_IN_ERROR, "refuted"}),
    ),
    "Procedure": Kind(
        events.procedure,
        _elements("code performedDateTime performedPeriod bodySite"),
        frozenset({ENTERED_IN_ERROR, "preparation", "not-done"}),
    ),
    "ImagingStudy": Kind(
        events.imaging,
        _elements("identifier modality procedureCode started series"),
        frozenset({ENTERED_IN_ERROR, "registered", "cancelled"}),
    ),
    "MedicationAdministration": Kind(
        events.drug,
        _elements("medicationCodeableConcept medicationReference effectiveDateTime effectivePeriod dosage"),
        frozenset({ENTERED_IN_ERROR, "not-done"}),
    ),
    "MedicationStatement": Kind(
        events.drug,
        _elements(
            "medicationCodeableConcept medicationReference effectiveDateTime effectivePeriod "
            "dateAsserted dosage"
        ),
        frozenset({ENTERED_IN_ERROR, "not-taken", "intended"}),
    ),
    "Encounter": Kind(
        events.encounter,
        _elements("class period"),
        frozenset({ENTERED_IN_ERROR, "planned", "cancelled"}),
    ),
    "DiagnosticReport": Kind(
        reports.report,
        _elements("code effectiveDateTime effectivePeriod issued conclusionCode imagingStudy basedOn"),
        frozenset({ENTERED_IN_ERROR, "registered", "cancelled"}),
    ),
}

# Kinds the lake has no table for, named when they are counted; any other word in a file's resourceType is
# counted as "other", since nobody promises that it is not a name.
SKIPPED = _elements(
    "AllergyIntolerance Appointment CarePlan CareTeam Claim ClaimResponse Composition Consent Coverage "
    "Device DocumentReference EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Goal Group "
    "HealthcareService Immunization List Location Media MedicationDispense MedicationRequest "
    "Organization Practitioner PractitionerRole Provenance Questionnaire QuestionnaireResponse "
    "RelatedPerson ServiceRequest Task"
)
