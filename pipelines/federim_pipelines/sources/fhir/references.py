"""Spell a FHIR reference in its one way, and derive from it the key of the record it means."""

from __future__ import annotations

import re
from typing import Any

from federim.keys import canonical, keyed
from federim_pipelines.worker import Worker

KIND = "fhir"

_LITERAL = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]{2,40})/([A-Za-z0-9.\-]{1,64})(?:/_history/\S+)?")
_UUID = re.compile(r"urn:(?:uuid:[0-9a-fA-F-]{36}|oid:[0-9.]+)")


def canonical_reference(reference: str, kind: str = "Patient") -> str:
    """`KIND/ID` for a relative or absolute reference, `urn:…` as it is, "" for anything else.

    References
    ----------
    HL7 FHIR R4, 2.3.0, Resource References.
    """
    if _UUID.fullmatch(reference):
        return reference.lower()
    match = _LITERAL.fullmatch(reference)
    return f"{kind}/{match[2]}" if match and match[1] == kind else ""


def record_key(worker: Worker, kind: str, name: str) -> bytes:
    """What names the record of a resource, 16 bytes; `name` is its id, of the run's own issuer."""
    parts = (kind, name) if not worker.issuer else (worker.issuer, kind, name)
    return keyed(worker.record_key, KIND, *parts)[:16]


def name_of(resource: dict[str, Any], kind: str, full_url: str) -> str:
    """By what a resource is known: its id, else what its bundle calls it, else all that it says."""
    name = resource.get("id") or canonical_reference(full_url, kind).removeprefix("urn:uuid:")
    return str(name) if name else canonical(resource).decode()


def deleted(url: Any, kinds: tuple[str, ...]) -> tuple[str, str] | None:
    """Kind and id in the URL of a deletion, if the kind is one of `kinds`."""
    match = _LITERAL.fullmatch(url) if isinstance(url, str) else None
    return (match[1], match[2]) if match and match[1] in kinds else None
