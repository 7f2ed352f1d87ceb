"""Tell which document this is, in which version, and which one it takes the place of."""

from __future__ import annotations

from dataclasses import dataclass, field

from federim.keys import keyed
from federim_pipelines.extract.moments import Moment
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.cda.datatypes import child, children, instant_of
from federim_pipelines.sources.cda.parsing import Element

_REPLACES = "RPLC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The names a document bears, as the source gave them, and its place in its own history."""

    name: str = field(repr=False)  # of the set all its versions are in, or its own where there is no set
    replaced: tuple[str, ...] = field(repr=False)  # names of the documents it takes the place of
    version: int
    told_version: int | None  # its versionNumber, if it has one


def document_key(record_key: bytes, root: str, extension: str = "") -> bytes:
    """What names a document, or a set of them, in the lake (16 bytes), whoever tells its identifier.

    Parameters
    ----------
    root, extension : str
        Of its HL7 v3 instance identifier; an OID or UUID alone is a root.
    """
    return named_key(record_key, _name(root, extension))


def named_key(record_key: bytes, name: str) -> bytes:
    """The key of a document or set by its name in a `Lifecycle`."""
    return keyed(record_key, "cda", "document", name)[:16]


def lifecycle_of(document: Element) -> Lifecycle:
    """The history a document's header tells.

    A document without a versionNumber counts its versions by the second it was made in.

    Raises
    ------
    Unusable
        It has neither setId nor id, its versionNumber is no number, or its time stamp is none.

    References
    ----------
    HL7 CDA R2, 4.2.1.7 (setId), 4.2.1.8 (versionNumber), 4.2.3.1 (parentDocument).
    """
    name = _identifier(document)
    if not name:
        raise Unusable(Reason.UNREADABLE, "ClinicalDocument/id")
    number = child(document, "versionNumber")
    told = None if number is None else number.get("value")
    if told is not None and not (told.isascii() and told.isdigit() and len(told) <= len("YYYYMMDDHHMMSS")):
        raise Unusable(Reason.UNREADABLE, "ClinicalDocument/versionNumber")
    parents = [
        _identifier(parent)
        for related in children(document, "relatedDocument")
        if related.get("typeCode") == _REPLACES
        for parent in children(related, "parentDocument")
    ]
    return Lifecycle(
        name=name,
        replaced=tuple(dict.fromkeys(parent for parent in parents if parent and parent != name)),
        version=_seconds(instant_of(child(document, "effectiveTime"))) if told is None else int(told),
        told_version=None if told is None else int(told),
    )


def _identifier(document: Element) -> str:
    for kind in ("setId", "id"):
        told = child(document, kind)
        if told is not None and told.get("root"):
            return _name(told.get("root"), told.get("extension", ""))
    return ""


def _name(root: str, extension: str) -> str:
    # UUIDs are the same in either case.
    return f"{root.strip().lower()}^{extension.strip()}"


def _seconds(moment: Moment | None) -> int:
    if moment is None or moment.date is None:
        return 0
    return int(f"{moment.datetime or moment.date:%Y%m%d%H%M%S}")
