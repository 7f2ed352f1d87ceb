"""Tell which imaging studies a report speaks of, and which of them an act made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.systems import DCM, LOINC
from federim_pipelines.sources.cda.datatypes import child, children, codes, templates
from federim_pipelines.sources.cda.parsing import V3, Element

_ACCESSION: Final = "{urn:dicom-org:ps3-20}accessionNumber"
_STUDY: Final = Code("113014", DCM)  # an act of the catalogue of DICOM objects
_IMAGING_REPORT: Final = Code("18748-4", LOINC)
_IMAGING_TEMPLATES: Final = frozenset({"1.2.840.10008.9.1", "1.2.250.1.213.1.1.1.45"})
_UID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
# DRIMbox sources write the UID as a root, and this word beside it.
_UID_MARK: Final = "studyinstanceuid"


@dataclass(frozen=True, slots=True)
class Studies:
    """The studies of one document."""

    told: tuple[tuple[str, frozenset[Code]], ...] = field(repr=False)  # UID, codes of its service event
    accessions: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, document: Element) -> Self:
        """The studies a document names in its header and its catalogues of objects.

        An identifier of a service event is a StudyInstanceUID in a report of imaging, or where the source
        says so.

        References
        ----------
        DICOM PS3.20, 8.2 and 9.8; ANS CI-SIS, volet CR-IMG; DRIMbox, appendix on the CDA header.
        """
        imaging = _IMAGING_REPORT in codes(child(document, "code")) or bool(
            templates(document) & _IMAGING_TEMPLATES
        )
        told = [
            (uid, frozenset(codes(child(event, "code"))))
            for event in children(document, "documentationOf", "serviceEvent")
            for uid in _uids(event, imaging=imaging)
        ]
        orders = children(document, "inFulfillmentOf", "order")
        accessions = [number.get("extension") for order in orders for number in order.iter(_ACCESSION)]
        if not accessions and imaging:
            accessions = [one.get("extension") for order in orders for one in children(order, "id")]
        known = {uid for uid, _ in told}
        told += [(uid, frozenset()) for uid in _catalogued(document) if uid not in known]
        return cls(tuple(told), tuple(dict.fromkeys(number for number in accessions if number)))

    @property
    def uids(self) -> tuple[str, ...]:
        """Each StudyInstanceUID once, in the document's order."""
        return tuple(dict.fromkeys(uid for uid, _ in self.told))

    def pairs(self) -> list[tuple[str | None, str | None]]:
        """(StudyInstanceUID, accession number) of each; apart where it is not said which goes with which."""
        if len(self.uids) == 1 and len(self.accessions) == 1:
            return [(self.uids[0], self.accessions[0])]
        return [*((uid, None) for uid in self.uids), *((None, number) for number in self.accessions)]

    def made_by(self, act: Iterable[Code], sections: Iterable[Element]) -> str | None:
        """The study an act made: the one catalogued in its section, else that of its code, else the only one.

        Parameters
        ----------
        act : iterable of Code
            The act's own code and its translations.
        sections : iterable of Element
            Those the act stands in, from its own outwards.
        """
        for section in sections:
            if len(inside := set(_catalogued(section))) == 1:
                return inside.pop()
        meant = frozenset(act)
        found = {uid for uid, event in self.told if event & meant}
        if len(found) == 1:
            return found.pop()
        return self.uids[0] if len(self.uids) == 1 else None


def _uids(event: Element, *, imaging: bool) -> list[str]:
    found = []
    for told in children(event, "id"):
        mark = told.get("extension", "")
        if mark.lower() == _UID_MARK or (imaging and not mark):
            found.append(told.get("root", ""))
    return [uid for uid in found if _UID.fullmatch(uid)]


def _catalogued(element: Element) -> list[str]:
    return list(
        dict.fromkeys(
            told.get("root")
            for act in element.iter(f"{V3}act")
            if _STUDY in codes(child(act, "code"))
            for told in children(act, "id")
            if _UID.fullmatch(told.get("root", ""))
        )
    )
