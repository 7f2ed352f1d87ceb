"""Trust roots: the public keys a home believes, what each is worth, and how a signature is checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from federim.keys import signature_holds
from federim.model.errors import NotApproved, VerificationFailed

_SIGNATURE: Final = re.compile("[0-9a-f]{128}")
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class TrustKind(StrEnum):
    """What the holder of a key is, and so what its signature is worth."""

    HUB = "hub"  # packages, decisions, plans, receipts, bundles of keys
    COMMITTEE = "committee"  # packages, decisions, plans
    SITE = "site"  # risk reports, releases, notices to other sites
    KEY_SERVER = "key-server"  # signs nothing here: its key is the one whose evaluations a site accepts


DECIDING: Final = frozenset({TrustKind.HUB, TrustKind.COMMITTEE})
"""Who decides: no site's key does."""

SIGNING: Final = frozenset(TrustKind) - {TrustKind.KEY_SERVER}
"""Who signs documents at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """One public key of another home, or of a key server's epoch.

    Attributes
    ----------
    public : str
        64 hexadecimal digits: Ed25519, or for a key server the ristretto255 point of one epoch.
    sealing : str
        Its X25519 key, 64 hexadecimal digits; empty where it was not told.
    until : datetime or None
        When another key took its place: what it signed before still counts.
    revoked : datetime or None
        When it was found to be in wrong hands: nothing it signed counts, whenever that was.
    vouched_by : str
        The hub whose bundle brought it; empty where somebody here compared it.
    statement : dict or None
        The statement, signed by the key before it, that brought it.
    """

    name: str
    kind: TrustKind
    public: str
    sealing: str = ""
    since: datetime | None = None  # None: by an earlier version, which did not say
    until: datetime | None = None
    revoked: datetime | None = None
    reason: str = ""
    vouched_by: str = ""
    statement: dict[str, Any] | None = None

    @property
    def current(self) -> bool:
        return self.until is None and self.revoked is None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A public key of this home itself: the one in use, or one that signed before it."""

    public: str
    sealing: str = ""
    until: datetime | None = None
    statement: dict[str, Any] | None = None  # by which this key named the one that took its place


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoots:
    """All that one home believes; immutable, so that a change is another value, checked before it is kept."""

    owner: str
    own: tuple[OwnKey, ...]  # the one in use first
    roots: tuple[TrustRoot, ...] = ()

    def of(self, name: str) -> tuple[TrustRoot, ...]:
        """Every key ever trusted under a name."""
        return tuple(root for root in self.roots if root.name == name)

    def current(self, name: str) -> TrustRoot:
        """The key of another home that is in use now.

        Raises
        ------
        NotApproved
            No key of that name is trusted, or none any more.
        """
        known = self.of(name)
        for root in known:
            if root.current and root.kind is not TrustKind.KEY_SERVER:
                return root
        raise NotApproved(
            f"{self.owner} trusts no key of {name[:40]!r}{' any more' if known else ''}; "
            "compare its key over a second channel, then federim trust add"
        )

    @property
    def key_servers(self) -> frozenset[str]:
        """The public keys of key servers' epochs that this home accepts; empty where none is pinned."""
        return frozenset(
            root.public for root in self.roots if root.kind is TrustKind.KEY_SERVER and root.current
        )

    @property
    def publics(self) -> dict[str, str]:
        """The signing key each home has now, by name, this home's own among them."""
        others = {
            root.name: root.public
            for root in self.roots
            if root.current and root.kind is not TrustKind.KEY_SERVER
        }
        return {**others, self.owner: self.own[0].public}

    def verify(
        self,
        signer: str,
        signature: str,
        content: bytes,
        *,
        what: str,
        kinds: Collection[TrustKind] = SIGNING,
        signed_at: datetime | None = None,
    ) -> str:
        """The key with which `signer` signed `content`, if its word counts here for this.

        A home's own word always counts in itself: a site alone is its own committee.

        Parameters
        ----------
        what : what was signed, for the message: "the decision document"
        kinds : what the signer may be
        signed_at : when it was signed, as the signed content says; None where it does not

        Raises
        ------
        NotApproved
            The signer is unknown here, is something else than `kinds`, signed with a key that was revoked, or
            signed with one after another had taken its place.
        VerificationFailed
            None of the signer's keys made this signature: something was changed after it was signed.
        """
        keys = self._keys(signer, kinds, what)
        if not _SIGNATURE.fullmatch(signature):
            # bytes.fromhex also takes capitals and spaces: a changed byte must show.
            raise VerificationFailed(f"{what} of {signer}: its signature is malformed")
        moment = signed_at or datetime.min.replace(tzinfo=UTC)
        # The key that was in use at that moment is tried first: a long trail is read with one try an event.
        in_use_first = sorted(keys, key=lambda key: (_ended(key) < moment, _ended(key)))
        for key in in_use_first:
            if signature_holds(key.public, signature, content):
                _check_in_force(key, signer, what, moment)
                return key.public
        raise VerificationFailed(f"{what} of {signer}: the signature does not match its content")

    def _keys(self, signer: str, kinds: Collection[TrustKind], what: str) -> Sequence[TrustRoot | OwnKey]:
        if signer == self.owner:
            return self.own
        known = self.of(signer)
        if not known:
            raise NotApproved(
                f"{what} is signed by {signer[:40]!r}, whose key {self.owner} does not trust; "
                "compare its key over a second channel, then federim trust add"
            )
        allowed = [root for root in known if root.kind in kinds]
        if not allowed:
            wanted = " or ".join(sorted(kind.value for kind in kinds))
            raise NotApproved(
                f"{what} is signed by {signer}, which {self.owner} trusts as a {known[0].kind.value}; "
                f"it takes a {wanted}"
            )
        return allowed


def _ended(key: TrustRoot | OwnKey) -> datetime:
    return key.until or _NEVER


def _check_in_force(key: TrustRoot | OwnKey, signer: str, what: str, moment: datetime) -> None:
    if isinstance(key, TrustRoot) and key.revoked is not None:
        raise NotApproved(
            f"{what} is signed by {signer} with a key that was revoked on {key.revoked:%Y-%m-%d}; "
            "have it signed anew"
        )
    if moment > _ended(key):
        raise NotApproved(
            f"{what} is signed by {signer} with a key that another replaced on {key.until:%Y-%m-%d}, "
            "before the day it was signed; have it signed with the new one"
        )
