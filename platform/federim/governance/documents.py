"""Sign and open the JSON documents that pass between a hub and its sites."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from federim.home import Home
from federim.keys import canonical, check_signature
from federim.model.errors import InputError, NotApproved, VerificationFailed

Document = dict[str, Any]


SIGNATURE = re.compile("[0-9a-f]{128}")


class Kind(StrEnum):
    """What a document is for; part of what is signed, so one kind never passes for another."""

    PACKAGE = "package"  # hub → site: what is asked
    REPORT = "report"  # site → hub: what it would risk
    DECISION = "decision"  # hub → site: what was decided
    REVOCATION = "revocation"  # hub → site: a decision taken back
    RELEASE = "release"  # site → hub: the hash of the manifest of what left
    COUNTERSIGNATURE = "countersignature"  # hub → site: that hash, acknowledged


def digest(document: Any) -> str:
    """SHA-256 of a document's canonical JSON (64 hexadecimal digits)."""
    return hashlib.sha256(canonical(document)).hexdigest()


def sign(home: Home, kind: Kind, content: Mapping[str, Any]) -> Document:
    """`content` as a document of `kind`, signed by this home."""
    document = {**content, "kind": kind.value, "signer": home.name}
    return {**document, "signature": home.signing_key.sign(canonical(document))}


def check(home: Home, document: Mapping[str, Any], kind: Kind) -> str:
    """The name of the home that signed `document`.

    Raises
    ------
    InputError
        It is a document of another kind, or none.
    NotApproved
        Its signer is not one this home trusts.
    VerificationFailed
        It was changed after it was signed.
    """
    if document.get("kind") != kind.value:
        raise InputError(f"expected a {kind.value} document, found {str(document.get('kind'))[:30]!r}")
    signer = str(document.get("signer"))
    public = home.trusted.get(signer)
    if public is None:
        raise NotApproved(
            f"the {kind.value} document is signed by {signer[:40]!r}, whose key {home.name} does not trust; "
            "compare its key over a second channel, then federim trust add"
        )
    unsigned = {key: value for key, value in document.items() if key != "signature"}
    signature = str(document.get("signature"))
    if not SIGNATURE.fullmatch(signature):
        # bytes.fromhex also takes capitals and spaces: a changed byte must show.
        raise VerificationFailed(f"the {kind.value} document of {signer}: its signature is malformed")
    check_signature(public, signature, canonical(unsigned), what=f"the {kind.value} document of {signer}")
    return signer


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
