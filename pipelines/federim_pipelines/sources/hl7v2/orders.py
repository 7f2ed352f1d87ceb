"""Group a message's segments by order: what was asked, and what was observed for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.systems import DCM
from federim_pipelines.sources.hl7v2.coded import DONE, preferred
from federim_pipelines.sources.hl7v2.confidentiality import is_handling
from federim_pipelines.sources.hl7v2.messages import Message
from federim_pipelines.sources.hl7v2.segments import Segment

ENCLOSING: Final = frozenset({"ED", "RP"})  # types of a value that is a document, or says where one is

_CANCELLING: Final = frozenset({"CA", "OC", "CR", "DC"})  # table 0119
_STUDY_UID: Final = frozenset({("113014", DCM), ("110180", DCM)})  # DICOM study, Study Instance UID
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
# Table 0074, services whose results are images.
_IMAGING: Final = frozenset(
    {"RAD", "RX", "IMG", "IMM", "CT", "NMR", "NMS", "NRS", "RUS", "OUS", "VUS", "CUS", "XRC", "MR", "US"}
)
_IMAGING_REPORT: Final = "18748-4"  # LOINC, diagnostic imaging study


@dataclass(eq=False)
class Order:
    """One order of a message, with the segments that follow it."""

    message: Message
    orc: Segment | None
    obr: Segment | None
    observations: list[Segment] = field(default_factory=list)
    others: list[Segment] = field(default_factory=list)

    @property
    def begin(self) -> Segment:
        """Where the order is found in the message."""
        return self.obr or next(iter(self.observations), self.message.header)

    @cached_property
    def code(self) -> Code | None:
        """What was ordered (OBR-4)."""
        return preferred(self.obr.value(4), DONE) if self.obr else None

    @cached_property
    def cancelled(self) -> bool:
        """Whether the order, or all that was reported for it, is withdrawn (ORC-1, OBR-25)."""
        return (self.orc is not None and self.orc(1).upper() in _CANCELLING) or (
            self.obr is not None and self.obr(25).upper() == "X"
        )

    @cached_property
    def name(self) -> tuple[str, ...]:
        """What tells the order from others of the person: its number, whose number, and what was ordered.

        The filler's number counts, since it is who reports; an order without a number is known by when it
        was observed.
        """
        code = self.code
        ordered = code.code if code else ""
        for segment, place in ((self.obr, 3), (self.orc, 3), (self.obr, 2), (self.orc, 2)):
            if segment is not None and segment(place):
                return segment(place), segment(place, 2) or self.message.header(3), ordered
        return "", self.obr(7) if self.obr else "", ordered

    @property
    def is_numbered(self) -> bool:
        """Whether its name holds a number somebody gave it."""
        return bool(self.name[0])

    @cached_property
    def told(self) -> list[Segment]:
        """The observations of the patient, documents left out."""
        return [obx for obx in self._of_patient() if obx(2).upper() not in ENCLOSING]

    @cached_property
    def enclosed(self) -> list[Segment]:
        """The documents, and the references to some."""
        return [obx for obx in self._of_patient() if obx(2).upper() in ENCLOSING]

    @cached_property
    def of_images(self) -> bool:
        """Whether what was observed is images."""
        return (
            (self.obr is not None and self.obr(24).upper() in _IMAGING)
            or any(other.name in ("IPC", "ZDS") for other in self.others)
            or any(is_study_uid(obx) for obx in self.observations)
            or (self.code is not None and self.code.code == _IMAGING_REPORT)
        )

    def studies(self) -> list[tuple[str | None, str | None]]:
        """The examinations it is of: (StudyInstanceUID, accession number) of each.

        References
        ----------
        HL7 v2.5.1, 4.5.6 (IPC); IHE RAD TF-2, 4.4 (ZDS-1, OBR-18 as the accession number); DICOM PS3.20,
        6.2 (113014).
        """
        if not self.of_images:
            return []
        uids = [obx(5) for obx in self.observations if is_study_uid(obx)]
        accession = ""
        for other in self.others:
            if other.name == "ZDS":
                uids.append(other(1))
            elif other.name == "IPC":
                uids.append(other(3))
                accession = accession or other(1)
        if self.obr is not None:
            accession = accession or self.obr(18) or self.obr(3)
        known = list(dict.fromkeys(uid for uid in uids if _UID.fullmatch(uid)))
        if len(known) > 1:
            return [(uid, None) for uid in known]
        return [(known[0] if known else None, accession or None)] if known or accession else []

    def _of_patient(self) -> list[Segment]:
        return [obx for obx in self.observations if not is_handling(obx(3), obx(3, 3))]


def orders_of(message: Message) -> list[Order]:
    """The orders of a message, at least one; what precedes the first OBR is of one without."""
    orders: list[Order] = []
    waiting: Segment | None = None  # an ORC whose OBR has not come yet
    for segment in message.segments:
        if segment.name == "ORC":
            waiting = segment
        elif segment.name == "OBR":
            orders.append(Order(message, waiting, segment))
            waiting = None
        elif segment.name in ("OBX", "SPM", "IPC", "ZDS"):
            if not orders:
                orders.append(Order(message, waiting, None))
                waiting = None
            order = orders[-1]
            (order.observations if segment.name == "OBX" else order.others).append(segment)
    return orders or [Order(message, waiting, None)]


def is_study_uid(obx: Segment) -> bool:
    """Whether an observation says which DICOM study was made."""
    code = preferred(obx.value(3), (DCM,))
    return code is not None and (code.code, code.system) in _STUDY_UID
