"""Turn the documents that messages carry into reports: a CDA as it tells, others by their bare existence."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from federim.model.identifiers import IdentityStatus, PatientIdentity
from federim_pipelines.codes.code import Code
from federim_pipelines.codes.systems import LOINC, or_oid
from federim_pipelines.extract.facts import TableRow
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason, Record
from federim_pipelines.sources.cda import reading as cda
from federim_pipelines.sources.cda.lifecycle import document_key
from federim_pipelines.sources.hl7v2.coded import DONE, preferred
from federim_pipelines.sources.hl7v2.envelope import CORRECTED, TOLD, WITHDRAWN, Envelope, Found
from federim_pipelines.sources.hl7v2.messages import Message
from federim_pipelines.sources.hl7v2.moments import first_of
from federim_pipelines.sources.hl7v2.orders import Order
from federim_pipelines.sources.hl7v2.patient import status_of
from federim_pipelines.sources.hl7v2.segments import Segment

_CANCEL: Final = "T11"
_UNAVAILABLE: Final = frozenset({"CA"})  # table 0273: deleted or cancelled
_GONE: Final = frozenset({"D", "W", "X"})  # table 0085
_REPLACING: Final = frozenset({"RO", "RP"})  # table 0119

_XML = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<")
_CDA = b"ClinicalDocument"
_SPACES = re.compile(r"\s+|\\\.br\\|\\X0[AD]\\")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


@dataclass(frozen=True, slots=True)
class Handling:
    """What a message wants done with its document."""

    withdrawn: bool
    replaces: bool
    hidden: str | None  # the flag that hides it

    @classmethod
    def of(cls, order: Order, hidden: str | None) -> Handling:
        """What a message's event, its order's control code, and the status of its result and document say.

        Parameters
        ----------
        hidden : str, optional
            The flag that hides what the message tells, see `hidden_by`.

        References
        ----------
        HL7 v2.5, 9.6 (T01 to T11), TXA-19; ANS, CI-SIS, Transmission de documents CDA-R2 en HL7 v2: ORC-1
        NW, RO or CA with OBX-11 F, C or D, and T02, T10 or T04.
        """
        message = order.message
        txa = message.first("TXA")
        statuses = {obx(11).upper() for obx in order.enclosed}
        control = order.orc(1).upper() if order.orc else ""
        return cls(
            withdrawn=order.cancelled
            or (message.kind == "MDM" and message.event == _CANCEL)
            or (txa is not None and txa(19).upper() in _UNAVAILABLE)
            or bool(statuses & _GONE),
            replaces=control in _REPLACING or "C" in statuses,
            hidden=hidden,
        )


def embedded(message: Message) -> Iterator[tuple[Segment, bytes]]:
    """The CDA documents of a message, each with its OBX; what cannot be decoded is left out."""
    for obx in message.all("OBX"):
        if obx(2).upper() == "ED":
            try:
                content = content_of(obx)
            except Unusable:
                continue
            if is_cda(content):
                yield obx, content


def patient_in(content: bytes, message: Message, issuer: str = "") -> PatientIdentity | None:
    """Whom a message's CDA document is about, the INS as far checked as the message says; None if untold."""
    status = status_of(message) if message.first("PID") else IdentityStatus.QUALIFIED
    return next(cda.identities_in(content, status, issuer), None)


def take_documents(order: Order, handling: Handling, envelope: Envelope, found: Found) -> str | None:
    """Make the records of an order's report, and give its report_id; None where a CDA has its own.

    A message about one document carries it in several forms at times: of those a CDA counts, and the others
    are counted as attachments.
    """
    documents: list[tuple[Segment, bytes]] = []
    for obx in order.enclosed:
        content = None if obx(2).upper() == "RP" else _content_or_refusal(obx, found)
        if content is not None and is_cda(content):
            documents.append((obx, content))
        else:
            found.skipped["attachment"] += 1
    if not documents:
        return _take_report(order, envelope, handling, found)
    for obx, content in documents:
        told = cda.document(
            content,
            envelope.worker,
            withdrawn=handling.withdrawn,
            hidden=handling.hidden or "",
            status=status_of(order.message),
            subject=envelope.subject,
        )
        take_cda(_sent_for(told, order, envelope), obx, found)
    if order.cancelled and order.is_numbered:
        # Its deletion may name a document otherwise than those that brought it: the order is the same.
        found.records.append(envelope.withdrawal(_order_key(order, envelope), order.begin))
    return None


def _sent_for(told: cda.Document, order: Order, envelope: Envelope) -> cda.Document:
    """What a CDA gives, the document bound to the order it answers."""
    if not order.is_numbered:
        return told
    key = _order_key(order, envelope)
    bound = [replace(record, under=key) if record.version is not None else record for record in told.records]
    return replace(told, records=bound)


def _order_key(order: Order, envelope: Envelope) -> bytes:
    return envelope.key("order", *order.name)


def take_cda(told: cda.Document, obx: Segment, found: Found) -> None:
    """Take what a CDA gives as found in a segment: its own positions would be taken for lines."""
    found.records.extend(replace(record, position=obx.line) for record in told.records)
    found.refusals.extend(replace(refusal, position=obx.line) for refusal in told.refusals)
    found.skipped.update(told.skipped)


def content_of(obx: Segment) -> bytes:
    """The bytes an OBX of type ED encloses, of an OBX-5 that is a bare Base64 text too.

    Raises
    ------
    Unusable
        It is not in the encoding it says.

    References
    ----------
    HL7 v2.5, 2.A.24 (ED).
    """
    value = obx.value(5)
    encoding = value(4).upper()
    if encoding in ("A", "ASCII"):
        return value(5).encode("utf-8", "surrogateescape")
    text = _SPACES.sub("", value.raw.rpartition(value.delimiters.component)[2])
    try:
        if encoding == "HEX":
            return bytes.fromhex(text)
        # Some senders leave the padding out.
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Unusable(Reason.UNREADABLE, "OBX-5 (ED)") from None


def is_cda(content: bytes) -> bool:
    """Whether some bytes are XML with a ClinicalDocument in it."""
    return _XML.match(content) is not None and _CDA in content


def _content_or_refusal(obx: Segment, found: Found) -> bytes | None:
    try:
        return content_of(obx)
    except Unusable as error:
        found.refused(error, obx.line)
        return None


def _take_report(order: Order, envelope: Envelope, handling: Handling, found: Found) -> str | None:
    """The record of a report that is no CDA: that it exists, what kind it is, which images it is of."""
    txa, begin = order.message.first("TXA"), order.begin
    key = _report_key(order, envelope, txa, 12)
    if handling.withdrawn:
        found.records += _withdrawals(key, envelope, txa, begin)
        return None
    if txa is not None and txa(13) and txa(13) != txa(12):
        parent = _report_key(order, envelope, txa, 13)
        found.records.append(envelope.withdrawal(parent, txa))
    if handling.hidden:
        found.refuse(Reason.CONFIDENTIAL, begin.line, handling.hidden)
        found.records.append(envelope.record(key, (), begin, rank=WITHDRAWN))
        return None
    try:
        rows = _report(order, envelope, key, txa)
    except Unusable as error:
        found.refused(error, begin.line)
        return None
    rank = CORRECTED if handling.replaces else TOLD
    found.records.append(envelope.record(key, rows, begin, txa, rank=rank))
    return key.hex()


def _withdrawals(key: bytes, envelope: Envelope, txa: Segment | None, begin: Segment) -> list[Record]:
    if txa is None:
        return [envelope.record(key, (), begin, rank=WITHDRAWN)]
    gone = [envelope.withdrawal(key, txa)]
    if _OID.fullmatch(txa(12)):
        # The deletion may come without the document: a CDA whose identifier stands in TXA-12 goes too.
        gone.append(envelope.withdrawal(document_key(envelope.worker.record_key, txa(12)), txa))
    return gone


def _report_key(order: Order, envelope: Envelope, txa: Segment | None, field: int) -> bytes:
    if txa is not None and txa(field):
        return envelope.key("document", txa(field), txa(field, 2))
    return envelope.key("report", *order.name)


def _report(order: Order, envelope: Envelope, key: bytes, txa: Segment | None) -> list[TableRow]:
    code = _kind_of_document(order, txa)
    if code is None:
        raise Unusable(Reason.CODE_MISSING, "OBR-4" if txa is None else "TXA-2")
    told = [(txa(6), "TXA-6"), (txa(4), "TXA-4")] if txa else []
    if order.obr is not None:
        told += [(order.obr(22), "OBR-22"), (order.obr(7), "OBR-7")]
    facts = envelope.facts()
    report_id = key.hex()
    return [facts.report(report_id, code, first_of(*told)), *facts.report_studies(report_id, order.studies())]


def _kind_of_document(order: Order, txa: Segment | None) -> Code | None:
    """The LOINC code of a document, by its order or its content; else TXA-2, of HL7's own table."""
    told = [order.code, *(preferred(obx.value(3), DONE) for obx in order.enclosed)]
    known = [code for code in told if code is not None]
    loinc = next((code for code in known if code.system == LOINC), None)
    by_type = preferred(txa.value(2), DONE) if txa else None
    if by_type is not None and by_type.system is None:
        by_type = Code(by_type.code, or_oid("HL70270"))
    return loinc or by_type or next(iter(known), None)
