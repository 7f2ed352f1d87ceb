"""Sealed messages: only the home they are for can open one, and it learns who sent it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Final, NamedTuple

from federim import signed
from federim.home import Home
from federim.keys import canonical, close_box
from federim.model.errors import InputError, VerificationFailed
from federim.trust.roots import SIGNING, TrustKind

MAGIC: Final = b"federim sealed 1\n"
STEP: Final = 1024
"""A message is a multiple of this many bytes long, so that its length tells little of its content."""

_BOX_OVERHEAD: Final = 48  # libsodium's crypto_box_SEALBYTES
_LENGTH_BYTES: Final = 8


class Opened(NamedTuple):
    """Who sent a message, and what it says."""

    sender: str
    content: bytes


def seal(content: bytes, *, to: str, sender: Home, kind: str) -> bytes:
    """`content`, signed by `sender`, in a box that only the holder of the sealing key `to` opens.

    Parameters
    ----------
    to : public X25519 key, 64 hexadecimal digits (`home.trust_roots.current(name).sealing`)
    kind : what the message is for; part of what is signed, so one kind never passes for another

    Returns
    -------
    bytes
        A multiple of 1,024. The recipient's key is signed too, so the recipient cannot pass the message on
        as if it had been sent to somebody else.

    Raises
    ------
    HomeError
        `to` is no sealing key: the recipient's was not told.
    """
    letter = signed.sign(sender, _kind(kind), {"to": to, "sha256": hashlib.sha256(content).hexdigest()})
    head = canonical(letter)
    lengths = len(head).to_bytes(_LENGTH_BYTES) + len(content).to_bytes(_LENGTH_BYTES)
    plain = lengths + head + content
    bare = len(MAGIC) + _BOX_OVERHEAD + len(plain)
    return MAGIC + close_box(to, plain + bytes(-bare % STEP))


def open_sealed(home: Home, sealed: bytes, *, kind: str, senders: Collection[TrustKind] = SIGNING) -> Opened:
    """Who sent a sealed message to this home, and what it says.

    Parameters
    ----------
    senders : what the sender may be

    Raises
    ------
    InputError
        It is no sealed message, or one of another kind.
    NotApproved
        Its sender, or the key it was signed with, does not count here; see `TrustRoots.verify`.
    VerificationFailed
        It was sealed to another home, or changed since.
    """
    if not sealed.startswith(MAGIC):
        raise InputError("not a sealed message of federim; expected the file as its sender's home wrote it")
    to, plain = _opened(home, sealed[len(MAGIC) :])
    at = 2 * _LENGTH_BYTES
    head_bytes, content_bytes = (
        int.from_bytes(plain[start : start + _LENGTH_BYTES]) for start in (0, _LENGTH_BYTES)
    )
    head, content = plain[at : at + head_bytes], plain[at + head_bytes : at + head_bytes + content_bytes]
    try:
        letter = json.loads(head)
    except ValueError:
        letter = None
    if not isinstance(letter, dict):
        raise VerificationFailed("the sealed message does not say who sent it")
    sender = signed.check(home.trust_roots, letter, _kind(kind), kinds=senders, what=f"the sealed {kind}")
    if (letter.get("to"), letter.get("sha256")) != (to, hashlib.sha256(content).hexdigest()):
        raise VerificationFailed(
            f"the sealed {kind} of {sender} is not what it signed, or was not for {home.name}"
        )
    return Opened(sender, content)


def _opened(home: Home, box: bytes) -> tuple[str, bytes]:
    for key in home.sealing_keys:
        plain = key.open(box)
        if plain is not None:
            return key.public, plain
    raise VerificationFailed(
        f"{home.name} cannot open the sealed message: it is for another home, or was changed on the way"
    )


def _kind(kind: str) -> str:
    return f"sealed {kind}"
