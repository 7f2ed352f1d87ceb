"""Replace a home's signing and sealing keys, and tell others in a statement that the old key signs."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from federim import signed
from federim.home import Home
from federim.keys import (
    ROOT_KEY_BYTES,
    SealingKey,
    SigningKey,
    canonical,
    check_signature,
    exclusively,
    replace_private,
)
from federim.model.errors import HomeError, VerificationFailed
from federim.signed import Document
from federim.trust.changes import retired, rotated
from federim.trust.roots import OwnKey, TrustRoots

STATEMENT: Final = "key-rotation"


def rotate_own(home: Home) -> Document:
    """Make new keys for this home; what the old ones signed or opened stays readable.

    A journal comes first, so a call after a crash completes the rotation that was begun.

    Returns
    -------
    Document
        The statement: apply it in every home that trusts this one.
    """
    with exclusively(home.keys / ".rotation.lock"):
        return _rotate(home, home.keys / "rotation.json")


def apply(roots: TrustRoots, statement: Document) -> TrustRoots:
    """Put the new key of another home in the place of the old one, which must have signed the statement.

    Raises
    ------
    InputError, NotApproved, VerificationFailed
        It is no statement, its signer is not trusted, or it was changed.
    HomeError
        It does not replace the key trusted now.
    """
    name = signed.check(roots, statement, STATEMENT)
    previous, public, sealing = (str(statement.get(key)) for key in ("previous", "public", "sealing"))
    at = signed.signed_at(statement)
    if at is None:
        raise VerificationFailed(f"the statement of {name} does not say when it was signed")
    if name == roots.owner:
        raise HomeError(f"the statement is of {name} itself; give it to the homes that trust this one")
    check_signature(
        public, str(statement.get("accepted")), _acceptance(name, previous, public), what=f"new key of {name}"
    )
    return rotated(roots, name, previous=previous, public=public, sealing=sealing, at=at, statement=statement)


def _rotate(home: Home, journal: Path) -> Document:
    keys = _begun(home, journal)
    old, new = SigningKey(keys["old"]), SigningKey(keys["new"])
    old_sealing, new_sealing = SealingKey(keys["old_sealing"]), SealingKey(keys["new_sealing"])
    # Listed before it is replaced: at no moment is something signed whose key this home does not know.
    home.change_trust(lambda roots: _listed(roots, OwnKey(public=old.public, sealing=old_sealing.public)))
    retired_keys = home.keys / "retired"
    retired_keys.mkdir(mode=0o700, exist_ok=True)
    replace_private(retired_keys / f"{old_sealing.public[:16]}.key", keys["old_sealing"])
    replace_private(home.keys / "sealing.key", keys["new_sealing"])
    replace_private(home.keys / "signing.key", keys["new"])
    # Dated after the last moment at which anybody here could read the old key.
    at = datetime.now(UTC)
    statement = signed.sign_with(
        old,
        home.name,
        STATEMENT,
        {
            "previous": old.public,
            "public": new.public,
            "sealing": new_sealing.public,
            "accepted": new.sign(_acceptance(home.name, old.public, new.public)),
        },
        at=at,
    )
    home.change_trust(
        lambda roots: _listed(
            roots, OwnKey(public=old.public, sealing=old_sealing.public, until=at, statement=statement)
        )
    )
    journal.unlink()
    [kept] = [key.statement for key in home.trust_roots.own if key.public == old.public]
    return kept or statement


def _begun(home: Home, journal: Path) -> dict[str, bytes]:
    """The old and the new keys: those of the rotation that was begun, or of one begun now."""
    if not journal.exists():
        _ = home.sealing_keys  # a home of an earlier version has none yet
        chosen = {
            "old": (home.keys / "signing.key").read_bytes(),
            "old_sealing": (home.keys / "sealing.key").read_bytes(),
            "new": secrets.token_bytes(ROOT_KEY_BYTES),
            "new_sealing": secrets.token_bytes(ROOT_KEY_BYTES),
        }
        replace_private(journal, json.dumps({name: key.hex() for name, key in chosen.items()}).encode())
    written: dict[str, Any] = json.loads(journal.read_bytes())
    return {name: bytes.fromhex(key) for name, key in written.items()}


def _listed(roots: TrustRoots, key: OwnKey) -> TrustRoots:
    """`roots` with an own key retired, unless its statement is there already from before a crash."""
    told = any(known.public == key.public and known.statement for known in roots.own)
    return roots if told else retired(roots, key)


def _acceptance(name: str, previous: str, public: str) -> bytes:
    """What the new key signs, so that nobody names a key they do not hold."""
    return canonical({"key of": name, "in the place of": previous, "is": public})
