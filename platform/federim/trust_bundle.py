"""A hub's trust roots in one signed document, which its sites take over instead of comparing every key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from federim import key_rotation, signed
from federim.home import Home, Role
from federim.model.errors import InputError
from federim.signed import Document
from federim.trust.changes import merged
from federim.trust.roots import TrustKind, TrustRoot, TrustRoots
from federim.trust.store import as_values, from_values

BUNDLE: Final = "trust-bundle"


def export(hub: Home) -> Document:
    """All that a hub trusts, itself first, what was replaced and revoked included."""
    hub.require(Role.HUB)
    roots = hub.trust_roots
    in_use = roots.own[0]
    itself = TrustRoot(name=hub.name, kind=TrustKind.HUB, public=in_use.public, sealing=in_use.sealing)
    rotations = [key.statement for key in reversed(roots.own) if key.statement]
    return signed.sign(hub, BUNDLE, {"roots": as_values((itself, *roots.roots)), "rotations": rotations})


def taken_over(roots: TrustRoots, bundle: Document) -> TrustRoots:
    """The roots as they are once a hub's bundle has been believed; nothing of it where a part is refused.

    The hub's own rotations come first, so a home that still knows its old key can follow.

    Raises
    ------
    InputError, NotApproved, VerificationFailed
        It is no bundle, is not signed by a hub trusted here, or was changed.
    HomeError
        It contradicts what is trusted here; the message says which home's key.
    """
    rotations, offered = bundle.get("rotations"), bundle.get("roots")
    if not isinstance(rotations, list) or not isinstance(offered, list):
        raise InputError(f"expected a {BUNDLE} document, as federim trust export writes it")
    followed = _followed(roots, rotations)
    hub = signed.check(followed, bundle, BUNDLE, kinds={TrustKind.HUB})
    vouched = from_values(offered)
    statements = [root.statement for root in vouched if root.statement is not None]
    oldest_first = sorted(statements, key=lambda statement: str(statement.get("signed_at")))
    return merged(_followed(followed, oldest_first), vouched, hub=hub)


def _followed(roots: TrustRoots, statements: Iterable[Any]) -> TrustRoots:
    """The roots after those statements that replace a key in use here; the others are of no concern."""
    for statement in statements:
        in_use = {root.public for root in roots.roots if root.current}
        if isinstance(statement, dict) and statement.get("previous") in in_use:
            roots = key_rotation.apply(roots, statement)
    return roots
