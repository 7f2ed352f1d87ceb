"""Read who a message is about: segments PID and, of a merge, MRG."""

from __future__ import annotations

from collections.abc import Iterator

from federim.model.identifiers import IdentityStatus, PatientIdentity
from federim_pipelines.extract.moments import birth_of_hl7
from federim_pipelines.sources.hl7v2.messages import Message
from federim_pipelines.sources.hl7v2.moments import instant_of
from federim_pipelines.sources.hl7v2.segments import Segment, Value
from federim_pipelines.sources.identifiers import Told, identity_of, reliability, sex_of


def patient_of(message: Message, issuer: str = "") -> PatientIdentity | None:
    """Whom the message's PID names; None if there is none, or it names nobody.

    Parameters
    ----------
    issuer : str
        Whose register a number is from that does not say; "" is the site's own.

    Raises
    ------
    Unusable
        The birth date cannot be read.
    """
    pid = message.first("PID")
    return None if pid is None else _named_by(pid, message, issuer)


def merges_of(
    message: Message, issuer: str = ""
) -> Iterator[tuple[PatientIdentity | None, PatientIdentity | None]]:
    """Each pair of identities that a merge says are one person's: the one that stays, the one that goes.

    One of a pair is None if its segment names nobody.

    Raises
    ------
    Unusable
        As `patient_of`.

    References
    ----------
    HL7 v2.5, 3.3.40 (A40) and 3.4.9 (MRG-1 prior patient identifier list).
    """
    stays: PatientIdentity | None = None
    for segment in message.segments:
        if segment.name == "PID":
            stays = _named_by(segment, message, issuer)
        elif segment.name == "MRG":
            yield stays, identity_of(_told(segment, 1, message), status=status_of(message), issuer=issuer)


def status_of(message: Message) -> IdentityStatus:
    """How far the message says that the identity was checked."""
    pid = message.first("PID")
    return reliability(value() for value in pid.values(32)) if pid else IdentityStatus.PROVISIONAL


def _named_by(pid: Segment, message: Message, issuer: str) -> PatientIdentity | None:
    """The identity of one PID.

    References
    ----------
    HL7 v2.5, 3.4.2 (PID-3 patient identifier list, PID-7, PID-8, PID-32).
    """
    birth, tells_month = birth_of_hl7(pid(7), "PID-7")
    return identity_of(
        _told(pid, 3, message),
        status=status_of(message),
        birth_date=birth if tells_month else None,
        sex=sex_of(pid(8)),
        issuer=issuer,
    )


def _told(segment: Segment, field: int, message: Message) -> Iterator[Told]:
    now = instant_of(message.header(7))
    for value in segment.values(field):
        authority, type_ = _authority(value), value(5)
        # What a person was known by before stays in the list, with the day it ended.
        ended = instant_of(value(8))
        if ended is not None and now is not None and ended < now:
            continue
        untyped = None if not authority else frozenset[str]()
        yield Told(value=value(1), authority=authority, types=frozenset({type_}) if type_ else untyped)


def _authority(identifier: Value) -> str:
    """The OID of a CX' assigning authority where it has one, else its name."""
    if identifier(4, 3) == "ISO" and identifier(4, 2):
        return identifier(4, 2)
    return identifier(4, 1) or identifier(4, 2)
