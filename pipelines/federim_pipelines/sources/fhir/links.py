"""Resolve what the resources of one bundle say of each other; in another, the same names mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from federim.model.identifiers import Subject
from federim_pipelines.codes.code import Code
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.fhir.codings import GIVEN, preferred
from federim_pipelines.sources.fhir.content import Numbered, Resource
from federim_pipelines.sources.fhir.named_codes import NAMED, NamedCodes, code_of
from federim_pipelines.sources.fhir.patient import identity_of, referred
from federim_pipelines.sources.fhir.references import canonical_reference, name_of, record_key
from federim_pipelines.worker import Worker

# What others refer to, and the little of it that they need.
_ELEMENTS = {
    "Encounter": ("id",),
    "ImagingStudy": ("identifier",),
    "ServiceRequest": ("identifier",),
    **{kind: (element,) for kind, (element, _) in NAMED.items()},
}
STUDY_SYSTEMS = frozenset({"urn:dicom:uid", "urn:ietf:rfc:3986"})


class Links:
    """Answers what a reference means, as far as the bundle, the resource itself or the vault tells."""

    def __init__(self, worker: Worker, codes: NamedCodes) -> None:
        self._worker = worker
        self._codes = codes
        self._subjects: dict[str, Subject] = {}  # by reference
        self._resources: dict[tuple[str, str], Resource] = {}  # by kind and reference
        self._visits: dict[str, str | None] = {}  # by reference
        self._reports: dict[str, str] = {}  # report_id by reference of a result

    def know(self, resources: Iterable[Numbered]) -> None:
        """Go through a bundle once, before its resources are read: it has no order."""
        for _, full_url, resource in resources:
            with suppress(AttributeError, TypeError, LookupError, ValueError, Unusable):
                self._know(resource["resourceType"], full_url, resource)

    def subject(self, resource: Resource) -> Subject:
        """Whom a resource is about.

        Raises
        ------
        Unusable
            It names nobody, or somebody the site does not know; or as `Subjects.find`.
        """
        reference = resource.get("subject") or {}
        literal = str(reference.get("reference"))
        subject = self._subjects.get(literal)
        if subject is None and (identity := referred(reference, self._worker.issuer)) is not None:
            subject = self._worker.subjects.find(identity, resource["resourceType"])
            if subject is not None and "reference" in reference:
                self._subjects[literal] = subject
        if subject is None:
            raise Unusable(Reason.PATIENT_UNKNOWN, f"{resource['resourceType']}.subject")
        return subject

    def visit(self, resource: Resource) -> str | None:
        """The visit_occurrence_id of the Encounter a resource was told in (R4 calls it context of drugs)."""
        literal = _literal(resource.get("encounter") or resource.get("context"))
        if literal not in self._visits:
            self._visits[literal] = self._visit(literal)
        return self._visits[literal]

    def report(self, kind: str, full_url: str, resource: Resource) -> str | None:
        """The report_id of the DiagnosticReport that has a resource among its results."""
        names = (full_url, f"{kind}/{resource.get('id')}")
        return next((self._reports[name] for name in names if name in self._reports), None)

    def specimen(self, resource: Resource) -> Code | None:
        """The code of the specimen an Observation was made on."""
        return self._code("Specimen", resource, resource.get("specimen"))

    def medication(self, resource: Resource) -> Code | None:
        """The code of the drug of a MedicationAdministration or MedicationStatement."""
        concept = resource.get("medicationCodeableConcept")
        if concept is not None:
            return preferred(concept, GIVEN)
        return self._code("Medication", resource, resource.get("medicationReference"))

    def studies(self, report: Resource) -> list[tuple[str | None, str | None]]:
        """StudyInstanceUID and accession number of the examinations a DiagnosticReport speaks of."""
        orders = report.get("basedOn", ())
        asked = [number for order in orders if (number := self._ordered(report, order))]
        read = report.get("imagingStudy", ())
        made = [study_of(self._referred("ImagingStudy", report, study)) for study in read]
        told = [(uid, number or next(iter(asked), None)) for uid, number in made if uid or number]
        return told or [(None, number) for number in asked]

    def _visit(self, literal: str) -> str | None:
        known = self._resources.get(("Encounter", literal))
        name = canonical_reference(literal, "Encounter").removeprefix("Encounter/")
        if known is not None:
            name = str(known.get("id") or name.removeprefix("urn:uuid:"))
        elif name.startswith("urn:"):
            return None  # what another bundle calls it
        return record_key(self._worker, "Encounter", name).hex() if name else None

    def _ordered(self, report: Resource, order: Resource) -> str | None:
        """The accession number of an order, told where it is referred to or in the ServiceRequest itself."""
        found = self._referred("ServiceRequest", report, order).get("identifier", ())
        return accession_of([*found, order.get("identifier") or {}])

    def _code(self, kind: str, resource: Resource, reference: Resource | None) -> Code | None:
        """The code of the drug or specimen a reference means, at hand or met before."""
        if at_hand := self._referred(kind, resource, reference):
            return code_of({"resourceType": kind} | at_hand)
        name = canonical_reference(_literal(reference), kind).removeprefix(f"{kind}/")
        return self._codes.find(kind, name) if name else None

    def _referred(self, kind: str, resource: Resource, reference: Resource | None) -> Resource:
        """The resource of a kind that a reference means; an empty one where it is not at hand."""
        literal = _literal(reference)
        if literal.startswith("#"):
            contained = resource.get("contained", ())
            return next((each for each in contained if each.get("id") == literal[1:]), {})
        name = canonical_reference(literal, kind)
        return self._resources.get((kind, literal)) or self._resources.get((kind, name), {})

    def _know(self, kind: str, full_url: str, resource: Resource) -> None:
        names = [name for name in (full_url, f"{kind}/{resource['id']}" if "id" in resource else "") if name]
        if kind == "Patient":
            identity = identity_of(resource, full_url, self._worker.issuer)
            if identity is not None:
                subject = self._worker.subjects.learn(identity, kind)
                self._subjects.update(dict.fromkeys(names, subject))
        elif kind == "DiagnosticReport":
            key = record_key(self._worker, kind, name_of(resource, kind, full_url))
            for result in resource.get("result", ()):
                self._reports[_literal(result)] = key.hex()
        elif kind in _ELEMENTS:
            needed = {name: resource[name] for name in _ELEMENTS[kind] if name in resource}
            self._resources.update(dict.fromkeys(((kind, name) for name in names), needed))


def study_of(study: Resource) -> tuple[str | None, str | None]:
    """The StudyInstanceUID and the accession number among the identifiers of an ImagingStudy.

    References
    ----------
    HL7 FHIR R4, ImagingStudy, 8.17.4.1 (system urn:dicom:uid, value urn:oid:…; accession of type ACSN).
    """
    told = study.get("identifier", ())
    uids = (
        str(each.get("value", "")).removeprefix("urn:oid:")
        for each in told
        if each.get("system") in STUDY_SYSTEMS and str(each.get("value", "")).startswith("urn:oid:")
    )
    return next(uids, None), accession_of(told)


def accession_of(identifiers: Iterable[Resource]) -> str | None:
    """The first identifier of type ACSN (HL7 v2 table 0203)."""
    return next(_accessions(identifiers), None)


def _accessions(identifiers: Iterable[Resource]) -> Iterator[str]:
    for each in identifiers:
        codings = (each.get("type") or {}).get("coding", ())
        value = each.get("value")
        if isinstance(value, str) and any(coding.get("code") == "ACSN" for coding in codings):
            yield value


def _literal(reference: Resource | None) -> str:
    return str((reference or {}).get("reference") or "")
