"""Turn admissions, transfers and discharges into stays."""

from __future__ import annotations

from typing import Final

from federim_pipelines.codes.shapes import coded
from federim_pipelines.codes.systems import system_uri
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.hl7v2.envelope import CORRECTED, ENDED, TOLD, WITHDRAWN, Envelope, Found
from federim_pipelines.sources.hl7v2.messages import Message
from federim_pipelines.sources.hl7v2.moments import first_of
from federim_pipelines.sources.hl7v2.segments import Segment

DISCHARGE: Final = "A03"
CANCEL_DISCHARGE: Final = "A13"
CANCEL_ADMISSION: Final = "A11"
# Admission, transfer, registration, change of class, update, cancelled transfer, change of doctor.
OF_A_STAY: Final = frozenset(
    {"A01", "A02", "A03", "A04", "A06", "A07", "A08", "A11", "A12", "A13", "A21", "A22", "A54"}
)

_NO_STAY: Final = frozenset({"N", "U"})  # table 0004: not applicable, unknown
_CLASSES: Final = "HL70004"


def take_visit(message: Message, envelope: Envelope, found: Found) -> None:
    """Make the record of the stay that a message of `OF_A_STAY` is about, or take it away.

    Each message tells the whole stay, and the last one stands. One that tells no day of it leaves it as it
    is: a transfer or an update need not repeat the admission.

    References
    ----------
    HL7 v2.5, 3.4.3 (PV1-2, PV1-19, PV1-44, PV1-45); IHE PAM and its French extension (ZBE-2, ZBE-3).
    """
    pv1 = message.first("PV1")
    if envelope.visit_occurrence_id is None or pv1 is None or pv1(2).upper() in _NO_STAY:
        found.skipped["without-stay"] += 1
        return
    visit_id = envelope.visit_occurrence_id
    key = bytes.fromhex(visit_id)
    if message.event == CANCEL_ADMISSION:
        found.records.append(envelope.record(key, (), pv1, rank=WITHDRAWN))
        return
    try:
        start, end = _stay(message, pv1)
        if start.date is None and end.date is None:
            found.skipped["without-date"] += 1
            return
        if start.date is None:
            # To put the end alone in the place of what the admission told would lose the beginning.
            raise Unusable(Reason.DATE_UNUSABLE, "PV1-44 of a discharge")
        code = coded(pv1(2), system_uri(_CLASSES))
        if code is None:
            raise Unusable(Reason.CODE_MISSING, "PV1-2")
        row = envelope.facts().visit(visit_id, code, start, end)
    except Unusable as error:
        found.refused(error, pv1.line)
        return
    rank = {DISCHARGE: ENDED, CANCEL_DISCHARGE: WITHDRAWN, "A08": CORRECTED}.get(message.event, TOLD)
    found.records.append(envelope.record(key, [row], pv1, message.first("ZBE"), rank=rank))


def _stay(message: Message, pv1: Segment) -> tuple[Moment, Moment]:
    """When a stay begins and ends; no date where the message does not say."""
    movement = message.first("ZBE")
    begins, ends = (movement(2), movement(3)) if movement else ("", "")
    if message.event == DISCHARGE:
        # A movement with an end is the stay's last; one without is the departure itself.
        started = [(begins, "ZBE-2")] if ends else []
        left = [(ends, "ZBE-3")] if ends else [(begins, "ZBE-2")]
        return first_of((pv1(44), "PV1-44"), *started), first_of((pv1(45), "PV1-45"), *left)
    admitted = [(begins, "ZBE-2")] if message.event in ("A01", "A04") else []
    end = Moment() if message.event == CANCEL_DISCHARGE else first_of((pv1(45), "PV1-45"))
    return first_of((pv1(44), "PV1-44"), *admitted), end
