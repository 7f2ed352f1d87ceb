"""Read FHIR R4: bundles, single resources, and bulk NDJSON cut into spans of lines.

An ImagingStudy makes no row: what it says of series and instances is read from the objects
themselves, and rows for objects the site does not hold would be inventions. It is counted as skipped, like
every kind of resource the lake has no table for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ijson

from federim.keys import canonical, keyed
from federim.model.errors import IdentityError
from federim.model.identifiers import PatientIdentity, Subject
from federim_pipelines.extract import biology, clinical
from federim_pipelines.extract.clinical import Rows
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal
from federim_pipelines.sources.content import open_file, opened, size_of
from federim_pipelines.sources.fhir_patient import canonical_reference, identity_of, referred
from federim_pipelines.worker import Worker

KIND = "fhir"
SPAN_BYTES = 4 << 20  # of lines, for one worker: some 4,000 resources, half a second's work
WHOLE_BYTES = 64 << 20  # a larger bundle is streamed: parsed whole it takes ten times its size in memory
HEAD_BYTES = 64 << 10

# Resource types the lake has no table for, named when they are counted; any other word in a file's
# resourceType is counted as "other", since nobody promises that it is not a name.
# fmt: off
_SKIPPED = frozenset({
    "AllergyIntolerance", "Appointment", "CarePlan", "CareTeam", "Claim", "ClaimResponse",
    "Composition", "Consent", "Coverage", "Device", "DiagnosticReport", "DocumentReference",
    "Encounter", "EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory", "Goal", "Group",
    "HealthcareService", "ImagingStudy", "Immunization", "List", "Location", "Media", "Medication",
    "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement",
    "Organization", "Practitioner", "PractitionerRole", "Provenance", "Questionnaire",
    "QuestionnaireResponse", "RelatedPerson", "ServiceRequest", "Specimen", "Task",
})
# fmt: on

_EXTRACTORS: dict[str, Callable[[dict[str, Any], Subject, str], Rows]] = {
    "Observation": biology.observation,
    "Condition": clinical.condition,
    "Procedure": clinical.procedure,
}

Numbered = tuple[int, str, Any]  # line or entry from 1, fullUrl, resource


def spans(item: Item) -> Iterator[Item]:
    """The pieces of one FHIR file: spans of lines if it is NDJSON, else the file itself."""
    if item.member or not _is_lines(item):
        yield item
        return
    start, line = 0, 1
    with open_file(item.path) as file:
        while block := file.read(SPAN_BYTES):
            block += file.readline()
            yield Item(source=KIND, path=item.path, start=start, end=start + len(block), first_line=line)
            start, line = start + len(block), line + block.count(b"\n")


def identities(item: Item) -> Iterator[PatientIdentity]:
    """Every person a FHIR file describes; what cannot be read is left for `read` to refuse."""
    with suppress(OSError, ValueError, RecursionError, _NotFhir):
        for _, full_url, resource in _patients(item):
            with suppress(AttributeError, TypeError, LookupError):
                if (identity := identity_of(resource, full_url)) is not None:
                    yield identity


def read(item: Item, worker: Worker) -> Outcome:
    """The records of a bundle, a resource or a span of lines; a bundle that is broken is refused whole."""
    reading = _Reading(worker)
    try:
        if _is_lines(item):
            reading.take(_lines(item, reading.refusals))
        else:
            entries = _entries(item)
            reading.know(_only_patients(entries))
            reading.take(entries)
    except (json.JSONDecodeError, ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        return Outcome(item, [], [Refusal(reason=_broken(error), detail="JSON")])
    except _NotFhir:
        return Outcome(item, [], [Refusal(reason=Reason.NOT_SUPPORTED, detail="JSON without a resourceType")])
    return Outcome(item, reading.records, reading.refusals, dict(reading.skipped))


class _NotFhir(Exception):
    """A JSON file that says of itself that it is something else."""


class _Reading:
    """What one item gives, as it is read."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.records: list[Record] = []
        self.refusals: list[Refusal] = []
        self.skipped: Counter[str] = Counter()
        self._subjects: dict[str, Subject] = {}  # of the bundle's own patients, by fullUrl

    def know(self, patients: Iterable[Numbered]) -> None:
        """Remember what a bundle's entries call its patients: a fullUrl may mean something in it alone."""
        for _, full_url, resource in patients:
            with suppress(AttributeError, TypeError, LookupError, IdentityError):
                identity = identity_of(resource, full_url)
                if full_url and identity is not None:
                    self._subjects[full_url] = self.worker.exchange.learn(identity)

    def take(self, resources: Iterable[Numbered]) -> None:
        """Make a record, a refusal or a count of every resource."""
        for position, full_url, resource in resources:
            try:
                self._take(position, full_url, resource)
            except Unusable as refused:
                self._refuse(refused.reason, position, refused.detail)
            except IdentityError:
                self._refuse(Reason.IDENTITY_REFUSED, position, resource["resourceType"])
            except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError) as error:
                # A resource whose elements are not of FHIR's shape; the error's text may quote them.
                self._refuse(Reason.UNREADABLE, position, type(error).__name__)

    def _take(self, position: int, full_url: str, resource: dict[str, Any]) -> None:
        kind = resource["resourceType"]
        if kind != "Patient" and kind not in _EXTRACTORS:
            self.skipped[kind if kind in _SKIPPED else "other"] += 1
            return
        key = self._key(kind, resource, full_url)
        if kind == "Patient":
            content, rows = self._patient(resource, full_url)
        else:
            rows = _EXTRACTORS[kind](resource, self._subject(resource, kind), key.hex())
            content = canonical([[table, row] for table, row in _plain(rows)])
        if not rows:
            self.skipped[kind] += 1
            return
        said = keyed(self.worker.record_key, "content", content)[:16]
        self.records.append(Record(key=key, content=said, rows=tuple(rows), position=position))

    def _patient(self, resource: dict[str, Any], full_url: str) -> tuple[bytes, Rows]:
        identity = identity_of(resource, full_url)
        if identity is None:
            raise Unusable(Reason.PATIENT_UNKNOWN, "Patient.identifier")
        subject = self.worker.exchange.learn(identity)
        rows = clinical.patient(resource, subject, self.worker.home.name, self.worker.year)
        # What the source says, not the row: the oldest are grouped by the year of import, which moves on.
        said = canonical([subject.person_id, resource.get("birthDate"), resource.get("gender")])
        return said, rows

    def _subject(self, resource: dict[str, Any], kind: str) -> Subject:
        reference = resource.get("subject") or {}
        subject = self._subjects.get(str(reference.get("reference")))
        if subject is None and (identity := referred(reference)) is not None:
            subject = self.worker.exchange.find(identity)
        if subject is None:
            raise Unusable(Reason.PATIENT_UNKNOWN, f"{kind}.subject")
        return subject

    def _key(self, kind: str, resource: dict[str, Any], full_url: str) -> bytes:
        name = resource.get("id") or canonical_reference(full_url).removeprefix("urn:uuid:")
        # A resource nobody named is known by all it says.
        said = str(name) if name else canonical(resource)
        return keyed(self.worker.record_key, KIND, kind, said)[:16]

    def _refuse(self, reason: Reason, position: int, detail: str) -> None:
        self.refusals.append(Refusal(reason=reason, position=position, detail=detail))


def _is_lines(item: Item) -> bool:
    """Whether a file is NDJSON: by its name, or because its first line is an object and others follow."""
    name = (item.member or item.path.name).lower()
    if item.end is not None or name.endswith((".ndjson", ".jsonl")):
        return True
    with opened(item) as file:
        first, newline, rest = file.read(HEAD_BYTES).lstrip().partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False


def _lines(item: Item, refusals: list[Refusal]) -> Iterator[Numbered]:
    with opened(item) as file:
        for number, line in enumerate(file, start=item.first_line):
            if not line.strip():
                continue
            try:
                resource = json.loads(line)
            except (ValueError, RecursionError):
                refusals.append(Refusal(reason=Reason.UNREADABLE, position=number, detail="JSON"))
                continue
            yield number, "", resource


def _entries(item: Item) -> Iterable[Numbered]:
    """The resources of a bundle, or the one the file is; may be gone through more than once."""
    if size_of(item) > WHOLE_BYTES:
        return _StreamedBundle(item)
    with opened(item) as file:
        document = json.loads(file.read())
    if not isinstance(document, dict) or "resourceType" not in document:
        raise _NotFhir
    if document["resourceType"] != "Bundle":
        return [(1, "", document)]
    return list(_numbered(document.get("entry", ())))


@dataclass(frozen=True)
class _StreamedBundle:
    """The entries of a bundle too large to be held."""

    item: Item

    def __iter__(self) -> Iterator[Numbered]:
        number = 0
        with opened(self.item) as file:
            for number, full_url, resource in _numbered(ijson.items(file, "entry.item", use_float=True)):
                yield number, full_url, resource
        if number == 0:
            raise _NotFhir


def _numbered(entries: Iterable[Any]) -> Iterator[Numbered]:
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, dict) and "resource" in entry:
            yield number, str(entry.get("fullUrl", "")), entry["resource"]
        else:
            # A deletion or a search outcome: nothing to read, so shaped as nothing `take` knows.
            yield number, "", {"resourceType": "other"}


def _patients(item: Item) -> Iterator[Numbered]:
    if _is_lines(item):
        with opened(item) as file:
            for number, line in enumerate(file, start=item.first_line):
                # Most lines are results: the cheap look saves parsing them twice.
                if b'"Patient"' in line:
                    with suppress(ValueError, RecursionError):
                        yield from _only_patients([(number, "", json.loads(line))])
    else:
        yield from _only_patients(_entries(item))


def _only_patients(resources: Iterable[Numbered]) -> Iterator[Numbered]:
    for number, full_url, resource in resources:
        if isinstance(resource, dict) and resource.get("resourceType") == "Patient":
            yield number, full_url, resource


def _plain(rows: Rows) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows as JSON can say them: dates as ISO text."""
    for table, row in rows:
        yield (
            table,
            {
                name: value if value is None or isinstance(value, str | int | float) else str(value)
                for name, value in row.items()
            },
        )


def _broken(error: Exception) -> Reason:
    """Whether broken JSON ends before its content does."""
    if isinstance(error, json.JSONDecodeError):
        # The parser stops where the text does, or at the string, word or escape it could not finish.
        left = len(error.doc.rstrip()) - error.pos
        cut = error.msg.startswith("Unterminated string") or left <= len("\\uXXXX")
        return Reason.TRUNCATED if cut else Reason.UNREADABLE
    return Reason.TRUNCATED if "premature EOF" in str(error) else Reason.UNREADABLE
