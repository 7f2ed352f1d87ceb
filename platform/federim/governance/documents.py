"""Sign and open the JSON documents that pass between a hub and its sites."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from federim import signed
from federim.home import Home
from federim.keys import canonical
from federim.model.errors import InputError, VerificationFailed
from federim.trust.roots import DECIDING, TrustKind

Document = signed.Document


class Kind(StrEnum):
    """What a document is for; part of what is signed, so one kind never passes for another."""

    PACKAGE = "package"  # hub → site: what is asked
    REPORT = "report"  # site → hub: what it would risk
    DECISION = "decision"  # hub → site: what was decided
    REVOCATION = "revocation"  # hub → site: a decision taken back
    RELEASE = "release"  # site → hub: the hash of the manifest of what left
    COUNTERSIGNATURE = "countersignature"  # hub → site: that hash, acknowledged
    REVISION = (
        "revision"  # site → hub: another manifest stands for a release, or none; the old one's tombstone
    )


FROM_SITE: Final = frozenset({TrustKind.SITE})
SIGNERS: Final = {
    Kind.PACKAGE: DECIDING,
    Kind.REPORT: FROM_SITE,
    Kind.DECISION: DECIDING,
    Kind.REVOCATION: DECIDING,
    Kind.RELEASE: FROM_SITE,
    Kind.COUNTERSIGNATURE: DECIDING,
    Kind.REVISION: FROM_SITE,
}
"""What the signer of a document may be, in a home other than the signer's own."""


def digest(document: Any) -> str:
    """SHA-256 of a document's canonical JSON (64 hexadecimal digits)."""
    return hashlib.sha256(canonical(document)).hexdigest()


def sign(home: Home, kind: Kind, content: Mapping[str, Any]) -> Document:
    """`content` as a document of `kind`, signed by this home."""
    return signed.sign(home, kind.value, content)


def check(home: Home, document: Mapping[str, Any], kind: Kind) -> str:
    """The name of the home that signed `document`.

    Raises
    ------
    InputError
        It is a document of another kind, or none.
    NotApproved
        Its signer is not one this home trusts, or not as what signs such a document.
    VerificationFailed
        It was changed after it was signed.
    """
    return signed.check(home.trust_roots, document, kind.value, kinds=SIGNERS[kind])


def read(path: Path) -> Document:
    """The JSON document in a file; raise `InputError` where there is none."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"document {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"document {path} is not valid JSON") from error
    if not isinstance(document, dict):
        raise InputError(f"document {path}: expected a JSON object")
    return document


def as_bytes(document: Mapping[str, Any]) -> bytes:
    """A document as its file holds it: indented for people, the same bytes each time."""
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document to a file; raise `InputError` where that cannot be."""
    try:
        path.write_bytes(as_bytes(document))
    except OSError as error:
        raise InputError(f"document {path}: {error.strerror}") from error


def text_of(document: Mapping[str, Any], key: str) -> str:
    """The text under `key`; raise `VerificationFailed` where a signed document lacks it."""
    value = document.get(key)
    if not isinstance(value, str):
        raise VerificationFailed(f"the {document.get('kind')} document has no {key}")
    return value
