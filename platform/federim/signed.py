"""Signed JSON documents: what passes between homes, of which each says its kind, its signer and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from federim.home import Home
from federim.keys import SigningKey, canonical
from federim.model.errors import InputError, VerificationFailed
from federim.trust.roots import SIGNING, TrustKind, TrustRoots

Document = dict[str, Any]


def sign(home: Home, kind: str, content: Mapping[str, Any]) -> Document:
    """`content` as a document of `kind`, signed by this home, now."""
    # The date first: a rotation between the two must not date a signature of the old key after its end.
    at = datetime.now(UTC)
    return sign_with(home.signing_key, home.name, kind, content, at=at)


def sign_with(
    key: SigningKey, signer: str, kind: str, content: Mapping[str, Any], *, at: datetime
) -> Document:
    """`content` as a document of `kind`, signed by `signer` with one of its keys at a moment it states."""
    document = {
        **content,
        "kind": kind,
        "signer": signer,
        "signed_at": at.isoformat(timespec="microseconds"),
    }
    return {**document, "signature": key.sign(canonical(document))}


def check(
    roots: TrustRoots,
    document: Mapping[str, Any],
    kind: str,
    *,
    kinds: Collection[TrustKind] = SIGNING,
    what: str = "",
) -> str:
    """The name of the home that signed `document`.

    Parameters
    ----------
    kinds : what the signer may be
    what : how a message calls the document; "the KIND document" where nothing is given

    Raises
    ------
    InputError
        It is a document of another kind, or none.
    NotApproved
        Its signer, or the key it was signed with, does not count here; see `TrustRoots.verify`.
    VerificationFailed
        It was changed after it was signed.
    """
    if document.get("kind") != kind:
        raise InputError(f"expected a {kind} document, found {str(document.get('kind'))[:30]!r}")
    signer, what = str(document.get("signer")), what or f"the {kind} document"
    unsigned = {key: value for key, value in document.items() if key != "signature"}
    roots.verify(
        signer,
        str(document.get("signature")),
        canonical(unsigned),
        what=what,
        kinds=kinds,
        signed_at=signed_at(document),
    )
    return signer


def signed_at(document: Mapping[str, Any]) -> datetime | None:
    """When a document says it was signed; None for one of an earlier version, which does not say.

    Raises
    ------
    VerificationFailed
        It is no date and time with its offset from UTC.
    """
    written = document.get("signed_at")
    if written is None:
        return None
    try:
        at = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise VerificationFailed(f"the {document.get('kind')} document does not say when it was signed")
    return at
