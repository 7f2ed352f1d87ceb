"""Tell other sites that a person objects, or does no longer, in words only a site that knows them understands."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from federim.audit import trail
from federim.governance.rights import outbox
from federim.governance.rights.steps import Outcome, Scene
from federim.home import Home, Role
from federim.identity.rights import Erasure, Rights, Word
from federim.keys import canonical, write_private
from federim.model.errors import HomeError, InputError
from federim.sealed import open_sealed, seal
from federim.trust.roots import TrustKind

KIND: Final = "opposition notice"
OPPOSES: Final = "opposes"
RESTORES: Final = "restores"

_NOTICE_BYTES: Final = 32
_NOTICES: Final = 8
"""A message has as many, made up where a person has fewer tokens: all messages are of one length."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of messages: persons begun to be erased, strangers remembered, oppositions withdrawn."""

    begun: int = 0
    remembered: int = 0
    withdrawn: int = 0
    again: int = 0  # taken before


class WriteNotices:
    """The step that tells the other sites; whose opposition came from another site is told by that one."""

    name = "notices"

    def __call__(self, scene: Scene, erasure: Erasure) -> Outcome:
        if erasure.word.told_by:
            return {"notices": 0}
        tokens = scene.rights.tokens(erasure)
        written = write(scene.home, scene.rights, tokens, OPPOSES, project=erasure.project, about=erasure.id)
        return {"notices": written}


def write(home: Home, rights: Rights, tokens: Sequence[bytes], act: str, *, project: str, about: str) -> int:
    """Seal a message to each site that is trusted here; returns how many there are.

    Parameters
    ----------
    tokens : what other sites know the person by; of one who was never linked there are none, nor messages
    about : names the messages, so that they are not written twice

    Raises
    ------
    HomeError
        A site that must be told gave no sealing key.
    """
    sites = (
        [root for root in home.trust_roots.roots if root.kind is TrustKind.SITE and root.current]
        if tokens
        else []
    )
    unsealable = [root.name for root in sites if not root.sealing]
    if unsealable:
        raise HomeError(
            f"{unsealable[0]} must be told and gave no sealing key; import the hub's bundle of keys "
            "(federim trust import), then run again"
        )
    parts = [tokens[start : start + _NOTICES] for start in range(0, len(tokens), _NOTICES)]
    for root in sites:
        for number, part in enumerate(parts):
            notices = [each.hex() for each in rights.notices(part, root.name)]
            notices += [secrets.token_hex(_NOTICE_BYTES) for _ in range(_NOTICES - len(part))]
            content = {
                "act": act,
                "project": project.ljust(40),
                "notices": sorted(notices),
                "id": secrets.token_hex(16),
            }
            sealed = seal(canonical(content), to=root.sealing, sender=home, kind=KIND)
            outbox.put(home, root.name, sealed, act, about, str(number))
    return len(sites) * len(parts)


def take(home: Home, rights: Rights, paths: Collection[Path], *, actor: str) -> Taken:
    """Open what other sites sealed to this one: erasures begin (`complete_pending`), or strangers are remembered.

    A message taken again changes nothing: an old one cannot undo what came after it.

    Raises
    ------
    InputError, NotApproved, VerificationFailed
        See `open_sealed`; those before it were taken.
    """
    home.require(Role.SITE)
    begun = remembered = withdrawn = again = 0
    for path in sorted(paths):
        sealed = _read(path)
        if (mark := _mark(home, sealed)).exists():
            again += 1
            continue
        sender, content = open_sealed(home, sealed, kind=KIND, senders={TrustKind.SITE})
        act, word, notices = _parsed(content, sender)
        if act == OPPOSES:
            persons = len(rights.told(notices, word, actor=actor))
            begun += persons
            remembered += not persons
        else:
            rights.untold(notices, word)
            withdrawn += 1
        trail.record(home, actor, "rights.take_notice", sender=sender, act=act, project=word.project or "all")
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(mark, b"")
    return Taken(begun, remembered, withdrawn, again)


def _parsed(content: bytes, sender: str) -> tuple[str, Word, list[bytes]]:
    try:
        told: dict[str, Any] = json.loads(content)
        act, project, notices = (
            told["act"],
            told["project"].strip(),
            [bytes.fromhex(n) for n in told["notices"]],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        act, project, notices = "", "", []
    if act not in (OPPOSES, RESTORES) or not notices or {len(each) for each in notices} != {_NOTICE_BYTES}:
        raise InputError(f"the notice of {sender} is not one that this version understands")
    return act, Word(project, sender), notices


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"notice {path.name}: {error.strerror}") from None


def _mark(home: Home, sealed: bytes) -> Path:
    """What says that a message was taken."""
    return home.notices / "taken" / hashlib.sha256(sealed).hexdigest()
