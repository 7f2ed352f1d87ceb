"""Have a PACS send a study: to us on the association that asks (C-GET), or where it knows us (C-MOVE)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from pydicom import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import StoragePresentationContexts, build_context, build_role
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from federim_pipelines.sources.pacs.calling import Calling, NoAssociation
from federim_pipelines.sources.pacs.incoming import Handlers
from federim_pipelines.sources.pacs.query import PENDING, Study

TRANSFER_SYNTAXES: Final = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEG2000Lossless,
    JPEG2000,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
)
_MOST_CONTEXTS: Final = 127  # PS3.8, 9.3.2.2: odd numbers of a byte, one of them for the C-GET itself

_DONE: Final = 0x0000
_DONE_IN_PART: Final = 0xB000


@dataclass(frozen=True, slots=True)
class Sent:
    """What a PACS says it sent of a study, in instances."""

    completed: int
    failed: int

    def all_of(self, study: Study) -> bool:
        """Whether nothing failed, and as much came as the PACS announced."""
        return self.failed == 0 and self.completed >= (study.instances or 0)


class Retrieving(Protocol):
    """A way to have a study sent."""

    def __call__(self, study: Study) -> Sent:
        """Have it sent, to the end.

        Raises
        ------
        NoAssociation
            The PACS cannot be asked, refuses, or breaks off.
        """


@dataclass(frozen=True, slots=True)
class Getting:
    """By C-GET: needs no port of ours, and no entry in the PACS but our AE title.

    References
    ----------
    DICOM PS3.4, C.4.3.
    """

    calling: Calling
    handlers: Handlers = field(repr=False)  # of `incoming`

    def __call__(self, study: Study) -> Sent:
        """As `Retrieving`."""
        model = StudyRootQueryRetrieveInformationModelGet
        contexts = storage_contexts(study.sop_classes)
        roles = [
            build_role(uid, scp_role=True)
            for uid in dict.fromkeys(str(each.abstract_syntax) for each in contexts)
        ]
        with self.calling.associated(
            [build_context(model), *contexts], roles=roles, handlers=self.handlers
        ) as association:
            return _followed(association.send_c_get(_identifier(study), model), self.calling)


@dataclass(frozen=True, slots=True)
class Moving:
    """By C-MOVE to `destination`, an AE title under which the PACS knows where a receiver of ours listens.

    References
    ----------
    DICOM PS3.4, C.4.2.
    """

    calling: Calling
    destination: str

    def __call__(self, study: Study) -> Sent:
        """As `Retrieving`."""
        model = StudyRootQueryRetrieveInformationModelMove
        with self.calling.associated([build_context(model)]) as association:
            answers = association.send_c_move(_identifier(study), self.destination, model)
            return _followed(answers, self.calling)


def storage_contexts(sop_classes: tuple[str, ...]) -> list[PresentationContext]:
    """What a PACS may send on a C-GET.

    A context for each class and transfer syntax lets the PACS send each object as it is stored; where that
    makes too many, or the classes are not known, it chooses one transfer syntax a class.
    """
    if sop_classes and len(sop_classes) * len(TRANSFER_SYNTAXES) <= _MOST_CONTEXTS:
        return [build_context(uid, syntax) for uid in sop_classes for syntax in TRANSFER_SYNTAXES]
    classes = sop_classes or tuple(str(each.abstract_syntax) for each in StoragePresentationContexts)
    return [build_context(uid, list(TRANSFER_SYNTAXES)) for uid in classes[:_MOST_CONTEXTS]]


def _identifier(study: Study) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = study.uid
    return asked


def _followed(answers: Iterator[tuple[Dataset, Dataset | None]], calling: Calling) -> Sent:
    """The counts of the last answer."""
    for status, _ in answers:
        code = status.get("Status")
        if code in PENDING:
            continue
        if code in (_DONE, _DONE_IN_PART):
            completed = status.get("NumberOfCompletedSuboperations") or 0
            warned = status.get("NumberOfWarningSuboperations") or 0
            return Sent(completed + warned, status.get("NumberOfFailedSuboperations") or 0)
        told = "it broke off" if code is None else _REFUSALS.get(code, f"status {code:04X}")
        raise NoAssociation(f"{calling.peer}: a study was not sent: {told}")
    raise NoAssociation(f"{calling.peer}: a study was not sent: it broke off")


# PS3.4, tables C.4-2 and C.4-3.
_REFUSALS: Final = {
    0xA701: "it cannot count what it would send",
    0xA702: "nothing could be sent; check that it can reach us",
    0xA801: "it does not know the destination's AE title; have it entered there",
    0xA900: "it does not understand the request",
    0xFE00: "it cancelled",
}
