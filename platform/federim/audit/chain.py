"""Chain events by hash, sign them, and keep the signed head outside the database."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from federim.home import Home
from federim.keys import canonical
from federim.model.errors import UserError, VerificationFailed

GENESIS = "0" * 64
"""What the first event names as the hash before its own."""

TOKEN = re.compile(r"\S{0,80}")
ACT = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")

Detail = dict[str, str | int]


def check_words(actor: str, act: str, detail: Mapping[str, str | int]) -> None:
    """Raise `UserError` unless an event is made of short tokens and whole numbers alone.

    Free text is where a patient's name slips in; a token of 80 characters holds a hash or an identifier.
    """
    if not ACT.fullmatch(act):
        raise UserError(f"audit act {act[:80]!r}: expected words joined by dots, for example 'export.submit'")
    if not actor or not TOKEN.fullmatch(actor):
        raise UserError(f"audit event {act}: the actor must be one word of at most 80 characters")
    for name, value in detail.items():
        # The value itself is not shown: it is refused because nobody knows what it holds.
        if isinstance(value, str) and not TOKEN.fullmatch(value):
            raise UserError(f"audit event {act}, detail {name!r}: expected one word of at most 80 characters")
        if not isinstance(value, str | int):
            raise UserError(f"audit event {act}, detail {name!r}: expected a word or a whole number")


def event_hash(
    *, sequence: int, at: datetime, actor: str, act: str, detail: Mapping[str, str | int], previous: str
) -> str:
    """SHA-256 (64 hexadecimal digits) over everything an event says, the hash before it included."""
    document = {
        "sequence": sequence,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor,
        "act": act,
        "detail": dict(detail),
        "previous": previous,
    }
    return hashlib.sha256(canonical(document)).hexdigest()


def event_claim(home: Home, hash_: str) -> bytes:
    """The bytes the home signs for one event."""
    return canonical({"audit event": hash_, "home": home.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last event known outside the database: how many there are, and the last one's hash."""

    events: int
    hash: str


def _head_path(home: Home) -> Path:
    return home.root / "audit.head"


def _head_claim(home: Home, head: Head) -> bytes:
    # Worded unlike `event_claim`: else the signature of an earlier event would make an earlier head.
    return canonical({"audit head": head.hash, "events": head.events, "home": home.name})


def read_head(home: Home) -> Head | None:
    """The signed head, or None where no event was ever written.

    Raises
    ------
    VerificationFailed
        The file is damaged or was not signed by this home.
    """
    path = _head_path(home)
    try:
        written = json.loads(path.read_bytes())
        head = Head(events=written["events"], hash=written["hash"])
        signature = str(written["signature"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise VerificationFailed(f"{path.name}: not a signed head of the audit trail") from error
    home.trust_roots.verify(home.name, signature, _head_claim(home, head), what=path.name)
    return head


def advance_head(home: Home, head: Head) -> None:
    """Write a newer head; leave the file as it is where it already knows of as many events.

    Called after the commit, so a crash between the two leaves a head that lags, never one that lies.
    """
    path = _head_path(home)
    with os.fdopen(os.open(home.root / ".audit.lock", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = read_head(home)
        if known is not None and known.events >= head.events:
            return
        document = {"events": head.events, "hash": head.hash}
        signature = home.signing_key.sign(_head_claim(home, head))
        pending = path.with_suffix(".new")
        descriptor = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(canonical({**document, "signature": signature}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        pending.replace(path)
