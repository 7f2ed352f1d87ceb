"""Take back an opposition, for the future alone: what was erased stays erased."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from federim.audit import trail
from federim.governance.rights import notices
from federim.governance.rights.erasure import check_officer, check_project
from federim.home import Home
from federim.identity.rights import Rights, Whom, Word


@dataclass(frozen=True, slots=True)
class Restoration:
    """What came of a withdrawn opposition: whether there was one, and how many sites are told."""

    was_listed: bool
    notices: int


def restore(home: Home, rights: Rights, whom: Whom, *, project: str = "", actor: str) -> Restoration:
    """Take a person off this site's list, and tell the other sites, which take back what this one told them.

    An opposition that another site told of stays until that one takes it back. Of a person whom the vault has
    forgotten, only the INS says what the other sites know them by.

    Raises
    ------
    NotAllowed
        The actor is no officer of this site.
    KeyServerAway, IdentityError
        See `Rights.restore`.
    """
    check_officer(home, actor)
    check_project(project)
    word = Word(project)
    restored = rights.restore(whom, word)
    written = notices.write(
        home, rights, restored.tokens, notices.RESTORES, project=project, about=secrets.token_hex(8)
    )
    trail.record(home, actor, "rights.restore", project=project, digests=restored.digests, notices=written)
    return Restoration(restored.digests > 0, written)
