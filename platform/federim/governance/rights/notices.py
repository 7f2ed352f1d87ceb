"""Tell other sites that a person objects, or no longer does, in words that say nothing to strangers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from federim.audit import trail
from federim.governance.rights import outbox
from federim.governance.rights.steps import Outcome
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
_PROJECT_LENGTH: Final = 60  # the longest name a project may have
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

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    def __call__(self, home: Home, erasure: Erasure) -> Outcome:
        if erasure.word.told_by:
            return {"notices": 0}
        tokens = self._rights.tokens(erasure)
        written = write(home, self._rights, tokens, OPPOSES, project=erasure.project, about=erasure.id)
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
                "project": project.ljust(_PROJECT_LENGTH),
                "notices": sorted(notices),
                "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            }
            sealed = seal(canonical(content), to=root.sealing, sender=home, kind=KIND)
            outbox.put(home, root.name, sealed, act, about, str(number))
    return len(sites) * len(parts)


def take(home: Home, rights: Rights, paths: Collection[Path], *, actor: str) -> Taken:
    """Open what other sites sealed to this one: erasures begin, or strangers are remembered.

    `complete_pending` carries out what begins. A message taken again changes nothing: an old one cannot undo
    what came after it.

    Raises
    ------
    InputError, NotApproved, VerificationFailed
        See `open_sealed`; none was taken.
    """
    home.require(Role.SITE)
    opened = [_opened(home, path) for path in paths]
    begun = remembered = withdrawn = again = 0
    for each in sorted(opened, key=lambda notice: notice.at):
        if each.mark.exists():
            again += 1
            continue
        if each.act == OPPOSES:
            persons = len(rights.told(each.notices, each.word, actor=actor))
            begun += persons
            remembered += not persons
        else:
            rights.untold(each.notices, each.word)
            withdrawn += 1
        trail.record(
            home,
            actor,
            "rights.take_notice",
            sender=each.word.told_by,
            about=each.act,
            project=each.word.project,
        )
        each.mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(each.mark, b"")
    return Taken(begun, remembered, withdrawn, again)


@dataclass(frozen=True, slots=True)
class _Notice:
    act: str
    word: Word
    notices: list[bytes]
    at: str
    mark: Path  # there once the message was taken


def _opened(home: Home, path: Path) -> _Notice:
    sealed = _read(path)
    sender, content = open_sealed(home, sealed, kind=KIND, senders={TrustKind.SITE})
    try:
        told: dict[str, Any] = json.loads(content)
        act, at, word = str(told["act"]), str(told["at"]), Word(told["project"].strip(), sender)
        notices = [bytes.fromhex(each) for each in told["notices"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        act = ""
    if act not in (OPPOSES, RESTORES) or {len(each) for each in notices} != {_NOTICE_BYTES}:
        raise InputError(f"the notice of {sender} is not one that this version understands")
    return _Notice(act, word, notices, at, outbox.mark(home, sealed))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"notice {path.name}: {error.strerror}") from None
