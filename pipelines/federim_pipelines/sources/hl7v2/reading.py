"""Read a file of HL7 v2 messages: who they are about, and what each of them tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from federim.keys import canonical
from federim.model.identifiers import Merge, PatientIdentity, Subject
from federim_pipelines.deidentify.dates import year_of_birth
from federim_pipelines.extract.facts import gender_of, person
from federim_pipelines.extract.moments import birth_of_hl7
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal
from federim_pipelines.sources.cda import reading as cda
from federim_pipelines.sources.content import BLOCK, open_file, opened
from federim_pipelines.sources.hl7v2.confidentiality import hidden_by
from federim_pipelines.sources.hl7v2.consent import take_consents
from federim_pipelines.sources.hl7v2.documents import (
    Handling,
    embedded,
    patient_in,
    take_cda,
    take_documents,
)
from federim_pipelines.sources.hl7v2.envelope import KIND, Envelope, Found
from federim_pipelines.sources.hl7v2.messages import LONGEST_MESSAGE, Message, Piece, lines, pieces
from federim_pipelines.sources.hl7v2.orders import orders_of
from federim_pipelines.sources.hl7v2.patient import merges_of, patient_of
from federim_pipelines.sources.hl7v2.results import take_results
from federim_pipelines.sources.hl7v2.visits import OF_A_STAY, take_visit
from federim_pipelines.worker import Worker

__all__ = ["KIND", "identities", "read", "spans"]

SPAN_BYTES = 4 << 20  # of messages, for one worker: some 4,000, and a second's work

# Kinds of message the lake has no table for, named when they are counted; any other is "other".
# fmt: off
_SKIPPED = frozenset({
    "ACK", "BAR", "DFT", "MFN", "OMG", "OMI", "OML", "ORG", "ORI", "ORL", "ORM", "ORR", "OUL", "PPR",
    "QBP", "QRY", "RAS", "RDE", "RDS", "REF", "RSP", "SIU", "SRM", "VXU",
})
# fmt: on
_MERGES = frozenset({"A18", "A34", "A36", "A40", "A47"})


def spans(item: Item) -> Iterator[Item]:
    """The pieces of one file: spans of whole messages if it is long, else the file itself."""
    if item.member or item.path.stat().st_size <= SPAN_BYTES:
        yield item
        return
    start = end = 0
    first = line = 1
    # Where another message begins after one that never ends, nobody knows: its reader refuses it.
    with suppress(Unusable), open_file(item.path) as file:
        for piece in pieces(file):
            end += len(piece.content)
            line = piece.line + lines(piece.content)
            if end - start >= SPAN_BYTES:
                yield Item(source=KIND, path=item.path, start=start, end=end, first_line=first)
                start, first = end, line
    size = item.path.stat().st_size
    if size > start:
        end = min(size, end + LONGEST_MESSAGE + BLOCK)
        yield Item(source=KIND, path=item.path, start=start, end=end, first_line=first)


def identities(item: Item, issuer: str = "") -> Iterator[PatientIdentity | Merge]:
    """Every person the messages of a file name, and every merge; what `read` refuses is left for it."""
    with suppress(OSError, Unusable), opened(item) as file:
        for piece in pieces(file, item.first_line):
            if piece.is_message:
                with suppress(Unusable, ValueError, LookupError):
                    yield from _identities_of(Message(piece), issuer)


def read(item: Item, worker: Worker) -> Outcome:
    """The records of a file or span of messages; what is wrong with one message is that message's refusal."""
    found = Found()
    messages = 0
    try:
        with opened(item) as file:
            for piece in pieces(file, item.first_line):
                if piece.is_message:
                    messages += 1
                    _take(piece, worker, found)
                elif piece.content.strip() and not piece.is_envelope:
                    found.refuse(Reason.UNREADABLE, piece.line, "text without an MSH segment")
    except Unusable as error:
        found.refusals.append(Refusal(reason=error.reason, detail=error.detail))
    if not messages and not found.refusals:
        found.refusals.append(Refusal(reason=Reason.EMPTY, detail="no message"))
    return Outcome(item, found.records, found.refusals, dict(found.skipped))


def _identities_of(message: Message, issuer: str) -> Iterator[PatientIdentity | Merge]:
    if message.kind in _SKIPPED:
        return
    patient = patient_of(message, issuer)
    if patient is not None:
        yield patient
    for _, content in embedded(message):
        if (told := patient_in(content, message, issuer)) is not None:
            yield told if patient is None else _joined(patient, told)
    if message.event in _MERGES:
        for stays, goes in merges_of(message, issuer):
            if stays is not None and goes is not None:
                yield Merge(survivor=stays, retired=goes)


def _joined(patient: PatientIdentity, told: PatientIdentity) -> PatientIdentity:
    """The identity that a message and the document in it make together, unless the two name two persons."""
    if patient.national and told.national and patient.national.value != told.national.value:
        return patient
    local = tuple(dict.fromkeys(chain(patient.local, told.local)))
    return replace(patient, local=local, national=patient.national or told.national)


def _take(piece: Piece, worker: Worker, found: Found) -> None:
    """Take all that one message tells, or refuse it whole."""
    own = Found()
    message = Message(piece)
    try:
        _tell(message, worker, own)
    except Unusable as error:
        own = Found()
        own.refused(error, piece.line)
    except (AttributeError, TypeError, LookupError, ValueError, ArithmeticError) as error:
        own = Found()
        own.refuse(Reason.UNREADABLE, piece.line, type(error).__name__)
    found.records += own.records
    found.refusals += own.refusals
    found.skipped.update(own.skipped)


def _tell(message: Message, worker: Worker, found: Found) -> None:
    kind = message.kind
    if kind not in ("ADT", "ORU", "MDM"):
        found.skipped[kind if kind in _SKIPPED else "other"] += 1
        return
    patient = patient_of(message, worker.issuer)
    if patient is None:
        _tell_without_patient(message, worker, found)
        return
    subject = worker.subjects.learn(patient, "PID-3")
    envelope = Envelope.of(message, worker, subject)
    found.records.append(_person(message, envelope))
    if kind == "ADT":
        _tell_of_stay(message, envelope, found)
    else:
        hidden = hidden_by(message)
        for order in orders_of(message):
            handling = Handling.of(order, hidden)
            report_id = take_documents(order, handling, envelope, found)
            take_results(order, envelope, found, report_id=report_id, hidden=hidden is not None)


def _tell_of_stay(message: Message, envelope: Envelope, found: Found) -> None:
    take_consents(message, envelope, found)
    if message.event in _MERGES:
        _check_merges(message, envelope, found)
    elif message.event in OF_A_STAY:
        take_visit(message, envelope, found)


def _check_merges(message: Message, envelope: Envelope, found: Found) -> None:
    """Count the merges that were done before anything was read; refuse those that could not be."""
    for stays, goes in merges_of(message, envelope.worker.issuer):
        if stays is None or goes is None:
            found.refuse(Reason.PATIENT_UNKNOWN, message.header.line, "PID-3 or MRG-1")
            continue
        subjects, where = envelope.worker.subjects, "PID-3 and MRG-1"
        if _same(subjects.find(stays, where), subjects.find(goes, where)):
            found.skipped["merge"] += 1
        else:
            found.refuse(Reason.IDENTITY_REFUSED, message.header.line, where)


def _same(one: Subject | None, other: Subject | None) -> bool:
    return one is not None and other is not None and one.person_id == other.person_id


def _tell_without_patient(message: Message, worker: Worker, found: Found) -> None:
    """A message that leaves it to its document to say who it is about."""
    documents = list(embedded(message))
    if not documents:
        raise Unusable(Reason.PATIENT_UNKNOWN, "PID-3")
    for order in orders_of(message):
        handling = Handling.of(order, hidden_by(message))
        for obx, content in documents:
            if obx in order.observations:
                hidden = handling.hidden or ""
                told = cda.document(content, worker, withdrawn=handling.withdrawn, hidden=hidden)
                take_cda(told, obx, found)


def _person(message: Message, envelope: Envelope) -> Record:
    """What PID says of the person: another PID may say more, and one row is filled from both records."""
    pid = message.first("PID")
    birth, gender = (birth_of_hl7(pid(7), "PID-7")[0], pid(8)) if pid else (None, "")
    said = canonical([birth and birth.isoformat(), gender])
    row = person(
        envelope.subject,
        envelope.worker.home.name,
        year_of_birth=None if birth is None else year_of_birth(birth, envelope.worker.year),
        gender=gender_of(gender),
    )
    key = envelope.key("person", said.decode())
    return Record(key=key, content=key, rows=(row,), position=pid.line if pid else None)
