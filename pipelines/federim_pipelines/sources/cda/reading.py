"""Read one CDA R2 document: a report and the coded facts it tells, or its withdrawal."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from lxml import etree

from federim.keys import keyed
from federim.model.identifiers import IdentityStatus, PatientIdentity, Subject
from federim_pipelines.extract.facts import Facts, Rows
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import LAST, Item, Outcome, Reason, Record, Refusal
from federim_pipelines.sources.cda import acts
from federim_pipelines.sources.cda.confidentiality import hiding_flag
from federim_pipelines.sources.cda.datatypes import child, children, codes, instant_of, known
from federim_pipelines.sources.cda.lifecycle import Lifecycle, lifecycle_of, named_key
from federim_pipelines.sources.cda.observations import observation
from federim_pipelines.sources.cda.parsing import LONGEST_BYTES, Element, clinical_document, header_of
from federim_pipelines.sources.cda.patient import identity_in, person_record, the_role
from federim_pipelines.sources.cda.report import Report
from federim_pipelines.sources.cda.statements import (
    ACT,
    OBSERVATION,
    ORGANIZER,
    PROCEDURE,
    SUBSTANCE,
    Skipped,
    Statement,
    statements,
)
from federim_pipelines.sources.cda.studies import Studies
from federim_pipelines.sources.content import opened
from federim_pipelines.worker import Worker

KIND = "cda"

_MAKERS: dict[str, Callable[[Statement, Report], Rows]] = {
    OBSERVATION: observation,
    PROCEDURE: acts.procedure,
    SUBSTANCE: acts.drug,
    ACT: acts.act,
}
_ROLE = ("recordTarget", "patientRole")


@dataclass(frozen=True, slots=True)
class Document:
    """What a document gives; positions count its clinical statements from 1."""

    records: list[Record]
    refusals: list[Refusal]
    skipped: dict[str, int] = field(default_factory=dict)


def document(
    content: bytes,
    worker: Worker,
    *,
    withdrawn: bool = False,
    hidden: str = "",
    status: IdentityStatus = IdentityStatus.QUALIFIED,
    subject: Subject | None = None,
) -> Document:
    """What one document gives, however it came; one that cannot be read is refused whole.

    Its narrative is never stored. A statement that cannot be read is refused by itself, and the others
    enter; one that says nothing done to or found on the patient is counted in `skipped`.

    Parameters
    ----------
    withdrawn : bool
        The message that brought it deletes it.
    hidden : str
        The flag of that message, one of a fixed vocabulary, that hides it.
    status : IdentityStatus
        How far the INS in it was checked: a document bears none that is not qualified, unless the message
        that brought it says otherwise.
    subject : Subject, optional
        Whom that message is about. A document about another person is refused, and one that names nobody is
        theirs.

    References
    ----------
    HL7 CDA R2; ANS CI-SIS, volet Structuration minimale; référentiel INS, 3.2 (exchange of qualified INS).
    """
    try:
        xml = clinical_document(content)
        lifecycle = lifecycle_of(xml)
        reading = _Reading(worker, lifecycle, etree.tostring(xml, with_tail=False))
        if withdrawn:
            return Document([reading.record((), LAST)], [])
        replaced = [reading.withdrawal(name) for name in lifecycle.replaced]
        if flag := hidden or hiding_flag(xml):
            refusal = Refusal(reason=Reason.CONFIDENTIAL, detail=flag)
            return Document([reading.record((), lifecycle.version), *replaced], [refusal])
        role = the_role(children(xml, *_ROLE))
        about = _subject(role, worker, status, subject)
        rows = reading.take(xml, about)
        records = [person_record(role, about, worker), reading.record(tuple(rows), lifecycle.version)]
    except Unusable as refused:
        return Document([], [Refusal(reason=refused.reason, detail=refused.detail)])
    return Document([*records, *replaced], reading.refusals, dict(reading.skipped))


def read(item: Item, worker: Worker) -> Outcome:
    """The records of a file that holds one document.

    Raises
    ------
    OSError, zipfile.BadZipFile
        It cannot be opened.
    """
    with opened(item) as file:
        told = document(file.read(LONGEST_BYTES + 1), worker)
    return Outcome(item, told.records, told.refusals, told.skipped)


def identities(item: Item, issuer: str = "") -> Iterator[PatientIdentity]:
    """The person a file's document is about; what cannot be read is left for `read` to refuse."""
    with suppress(OSError, zipfile.BadZipFile), opened(item) as file:
        yield from identities_in(file.read(LONGEST_BYTES + 1), issuer=issuer)


def identities_in(
    content: bytes, status: IdentityStatus = IdentityStatus.QUALIFIED, issuer: str = ""
) -> Iterator[PatientIdentity]:
    """The person a document is about, unless it is hidden or its header cannot be read."""
    with suppress(etree.XMLSyntaxError, Unusable):
        header = header_of(content)
        if header is not None and not hiding_flag(header):
            identity = identity_in(the_role(children(header, *_ROLE)), status, issuer)
            if identity is not None:
                yield identity


class _Reading:
    """What one document gives, as it is read."""

    def __init__(self, worker: Worker, lifecycle: Lifecycle, said: bytes) -> None:
        self.worker = worker
        self.lifecycle = lifecycle
        self.key = named_key(worker.record_key, lifecycle.name)
        self.refusals: list[Refusal] = []
        self.skipped: Counter[str] = Counter()
        self._said = said

    def record(self, rows: tuple[tuple[str, dict[str, object]], ...], version: int) -> Record:
        """The document's own record; without rows it is withdrawn."""
        state = "told" if rows else "withdrawn"
        content = keyed(self.worker.record_key, "content", state, self._said)[:16]
        return Record(key=self.key, content=content, rows=rows, version=version)

    def withdrawal(self, name: str) -> Record:
        """That a document which this one replaces is not to be read any more."""
        content = keyed(self.worker.record_key, "content", "replaced")[:16]
        return Record(key=named_key(self.worker.record_key, name), content=content, rows=(), version=LAST)

    def take(self, xml: Element, subject: Subject) -> Rows:
        """The report's own row, those that join it to its images, and one or more for every coded fact."""
        code = next(iter(codes(child(xml, "code"))), None)
        if code is None:
            raise Unusable(Reason.CODE_MISSING, "ClinicalDocument/code")
        report_id = self.key.hex()
        facts = Facts(
            subject=subject,
            codebook=self.worker.codebook,
            originals=self.worker.originals,
            report_id=report_id,
        )
        written = known(instant_of(child(xml, "effectiveTime")))
        served = instant_of(child(xml, "documentationOf", "serviceEvent", "effectiveTime"))
        report = Report(self.key, facts, served or written, Studies.of(xml))
        rows: Rows = [
            facts.report(report_id, code, written, version=self.lifecycle.told_version),
            *facts.report_studies(report_id, report.studies.pairs()),
        ]
        for statement in statements(xml):
            try:
                rows += _rows(statement, report)
            except Skipped as nothing:
                self.skipped[nothing.kind] += 1
            except Unusable as refused:
                self.refusals.append(
                    Refusal(reason=refused.reason, position=statement.place, detail=refused.detail)
                )
        return rows


def _rows(statement: Statement, report: Report) -> Rows:
    if statement.kind == ORGANIZER:
        return []
    if statement.excluded:
        raise Skipped(statement.excluded)
    make = _MAKERS.get(statement.kind)
    if make is None:
        raise Skipped(statement.kind)
    return make(statement, report)


def _subject(role: Element, worker: Worker, status: IdentityStatus, expected: Subject | None) -> Subject:
    identity = identity_in(role, status, worker.issuer)
    if identity is None:
        if expected is None:
            raise Unusable(Reason.PATIENT_UNKNOWN, "recordTarget/patientRole/id")
        return expected
    subject = worker.subjects.learn(identity, "recordTarget")
    if expected is not None and subject.person_id != expected.person_id:
        raise Unusable(Reason.IDENTITY_REFUSED, "recordTarget is not whom the message is about")
    return subject
