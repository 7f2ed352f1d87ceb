"""Read FHIR R4 files: a record, a refusal or a count for every resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

from federim.home import Home
from federim.keys import canonical, keyed
from federim.model.identifiers import PatientIdentity
from federim_pipelines.extract.facts import Facts
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import LAST, Item, Outcome, Reason, Record, Refusal, Row
from federim_pipelines.sources.fhir import content
from federim_pipelines.sources.fhir.content import DELETION, Numbered, Resource
from federim_pipelines.sources.fhir.kinds import KINDS, SKIPPED, Kind, was_an_error
from federim_pipelines.sources.fhir.links import Links
from federim_pipelines.sources.fhir.named_codes import NAMED, NamedCodes, code_of
from federim_pipelines.sources.fhir.patient import identity_of
from federim_pipelines.sources.fhir.person import person_of
from federim_pipelines.sources.fhir.references import KIND, deleted, name_of, record_key
from federim_pipelines.sources.fhir.versions import version_of
from federim_pipelines.worker import Worker

__all__ = ["KIND", "identities", "read", "spans"]

spans = content.spans

_FIRST = frozenset({"Patient", *NAMED})
_NOT_FHIRS_SHAPE = (AttributeError, TypeError, LookupError, ValueError, ArithmeticError)


def identities(item: Item, home: Home, issuer: str = "") -> Iterator[PatientIdentity]:
    """Every person a FHIR file describes; what cannot be read is left for `read` to refuse.

    The codes of its drugs and specimens are kept in the home on the way, for who mentions them.
    """
    with (
        NamedCodes(home, issuer) as codes,
        suppress(OSError, ValueError, RecursionError, content.NotFhir),
    ):
        for _, full_url, resource in content.first(item, _FIRST):
            with suppress(AttributeError, TypeError, LookupError):
                if resource["resourceType"] in NAMED:
                    codes.learn(resource)
                elif (identity := identity_of(resource, full_url, issuer)) is not None:
                    yield identity


def read(item: Item, worker: Worker) -> Outcome:
    """The records of a bundle, a resource or a span of lines; a bundle that is broken is refused whole."""
    with NamedCodes(worker.home, worker.issuer) as codes:
        return _read(item, _Reading(worker, codes))


def _read(item: Item, reading: _Reading) -> Outcome:
    try:
        if content.is_lines(item):
            reading.take(content.lines(item, reading.refusals))
        else:
            entries = content.entries(item)
            reading.links.know(entries)
            reading.take(entries)
    except content.BROKEN_JSON as error:
        return Outcome(item, [], [Refusal(reason=content.broken(error), detail="JSON")])
    except content.NotFhir:
        return Outcome(item, [], [Refusal(reason=Reason.NOT_SUPPORTED, detail="JSON without a resourceType")])
    return Outcome(item, reading.records, reading.refusals, dict(reading.skipped))


class _Reading:
    """What one item gives, as it is read."""

    def __init__(self, worker: Worker, codes: NamedCodes) -> None:
        self.worker = worker
        self.codes = codes
        self.links = Links(worker, codes)
        self.records: list[Record] = []
        self.refusals: list[Refusal] = []
        self.skipped: Counter[str] = Counter()

    def take(self, resources: Iterable[Numbered]) -> None:
        """Make a record, a refusal or a count of every resource."""
        for position, full_url, resource in resources:
            try:
                self._take(position, full_url, resource)
            except Unusable as refused:
                self._refuse(refused, position)
            except _NOT_FHIRS_SHAPE as error:
                # The error's text may quote the resource.
                self._refuse(Unusable(Reason.UNREADABLE, type(error).__name__), position)

    def _take(self, position: int, full_url: str, resource: Resource) -> None:
        told = resource["resourceType"]
        if told == "Patient":
            self._patient(position, full_url, resource)
        elif told in NAMED:
            self._named(position, full_url, resource)
        elif told == DELETION:
            self._deletion(position, resource)
        elif told == "Bundle":
            self._bundle(content.inner(resource, position))
        elif told in KINDS:
            self._fact(position, full_url, resource, told, KINDS[told])
        else:
            self.skipped[told if told in SKIPPED else "other"] += 1

    def _fact(self, position: int, full_url: str, resource: Resource, name: str, kind: Kind) -> None:
        key = record_key(self.worker, name, name_of(resource, name, full_url))
        version = version_of(resource)
        if kind.is_void(resource):
            if was_an_error(resource):
                self._withdraw(position, key, version or LAST)
            elif version:
                self._withdraw(position, key, version)
            else:
                self.skipped[name] += 1
            return
        subject = self.links.subject(resource)
        visit = self.links.visit(resource)
        facts = Facts(
            subject=subject,
            codebook=self.worker.codebook,
            originals=self.worker.originals,
            report_id=self.links.report(name, full_url, resource),
            visit_occurrence_id=visit,
        )
        rows: list[tuple[str, Row]] = []
        refused = 0
        for made in kind.rows(resource, facts, key.hex(), self.links):
            if isinstance(made, Unusable):
                refused += 1
                self._refuse(made, position)
            else:
                rows.append(made)
        if rows or (version and not refused):
            said = canonical([visit, kind.said(resource)])
            self._keep(position, key, said, rows, version)
        elif not refused:
            self.skipped[name] += 1

    def _bundle(self, entries: list[Numbered]) -> None:
        """A bundle within the file, such as a line of an export's deletions: its names are its own."""
        outer, self.links = self.links, Links(self.worker, self.codes)
        self.links.know(entries)
        self.take(entries)
        self.links = outer

    def _patient(self, position: int, full_url: str, resource: Resource) -> None:
        identity = identity_of(resource, full_url, self.worker.issuer)
        if identity is None:
            raise Unusable(Reason.PATIENT_UNKNOWN, "Patient.identifier")
        key = record_key(self.worker, "Patient", name_of(resource, "Patient", full_url))
        subject = self.worker.subjects.learn(identity, "Patient")
        row = person_of(resource, subject, self.worker.home.name, self.worker.year)
        said = canonical([resource.get("birthDate"), resource.get("gender")])
        # Without a version: the row of a person is made of many records, and none of them takes it away.
        self._keep(position, key, said, [row], None)

    def _named(self, position: int, full_url: str, resource: Resource) -> None:
        """A drug or specimen: no row of its own, its code was learnt before (see `identities`)."""
        kind, code = resource["resourceType"], code_of(resource)
        if code is None:
            self.skipped[kind] += 1
        else:
            key = record_key(self.worker, kind, name_of(resource, kind, full_url))
            self._keep(position, key, canonical([code.code, code.system]), [], version_of(resource))

    def _deletion(self, position: int, resource: Resource) -> None:
        meant = deleted(resource.get("url"), tuple(KINDS))
        if meant is None:
            self.skipped[DELETION] += 1
        else:
            self._withdraw(position, record_key(self.worker, *meant), LAST)

    def _withdraw(self, position: int, key: bytes, version: int) -> None:
        self._keep(position, key, b"", [], version)

    def _keep(
        self, position: int, key: bytes, said: bytes, rows: list[tuple[str, Row]], version: int | None
    ) -> None:
        content_key = keyed(self.worker.record_key, "content", said)[:16]
        self.records.append(
            Record(key=key, content=content_key, rows=tuple(rows), position=position, version=version)
        )

    def _refuse(self, refused: Unusable, position: int) -> None:
        self.refusals.append(Refusal(reason=refused.reason, position=position, detail=refused.detail))
