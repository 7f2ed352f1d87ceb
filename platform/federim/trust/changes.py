"""What may be done to the trust roots: add, replace, revoke, take over. Pure; a refusal changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from federim.model.errors import HomeError, NotApproved, UnknownName
from federim.trust.roots import OwnKey, TrustKind, TrustRoot, TrustRoots

NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
PUBLIC_PATTERN: Final = re.compile("[0-9a-f]{64}")


def added(
    roots: TrustRoots, name: str, public: str, *, kind: TrustKind, sealing: str = "", vouched_by: str = ""
) -> TrustRoots:
    """Believe a key; of one already known, its kind and sealing key are completed.

    A key server has a key an epoch, several of them open at once; anybody else has one.

    Raises
    ------
    HomeError
        The name or a key is malformed; the name is this home's own; another key is trusted under it; the key
        is another's; or the key was revoked.
    """
    _check_words(name, public, sealing)
    if name == roots.owner and public != roots.own[0].public:
        raise HomeError(f"{name!r} is this home, already trusted under another key: its own")
    if name == roots.owner:
        return roots
    if any((root.kind is TrustKind.KEY_SERVER) != (kind is TrustKind.KEY_SERVER) for root in roots.of(name)):
        raise HomeError(f"{name!r} cannot be a key server and a home at once; choose another name")
    known = next((root for root in roots.roots if root.public == public), None)
    if known is not None:
        return _completed(roots, known, name, kind, sealing)
    if kind is not TrustKind.KEY_SERVER and any(root.current for root in roots.of(name)):
        raise HomeError(
            f"{name!r} is already trusted under another key; ask for its statement of rotation and apply it "
            "with federim trust rotate, or, where that key is lost, federim trust revoke it first"
        )
    newcomer = TrustRoot(
        name=name, kind=kind, public=public, sealing=sealing, since=_now(), vouched_by=vouched_by
    )
    return replace(roots, roots=(*roots.roots, newcomer))


def rotated(
    roots: TrustRoots,
    name: str,
    *,
    previous: str,
    public: str,
    sealing: str,
    at: datetime,
    statement: dict[str, Any],
) -> TrustRoots:
    """Put `public` in the place of `previous`, whose signature on `statement` the caller has checked.

    Raises
    ------
    HomeError
        `previous` is not the key in use under that name, or `public` is known as another key.
    NotApproved
        `previous` was revoked: its word for a successor is worth nothing.
    """
    _check_words(name, public, sealing)
    known = {root.public: root for root in roots.of(name)}
    if public in known and known[public].statement == statement:
        return roots
    before = known.get(previous)
    if before is not None and before.revoked is not None:
        raise NotApproved(
            f"the key of {name} that signs the statement was revoked on {before.revoked:%Y-%m-%d}; "
            "compare the new key over a second channel, then federim trust add"
        )
    if before is None or not before.current or any(root.public == public for root in roots.roots):
        raise HomeError(
            f"the statement replaces a key of {name} that is not the one trusted here; apply its earlier "
            "statements first, oldest first, or import the hub's bundle, which holds them all"
        )
    successor = replace(before, public=public, sealing=sealing, since=_now(), statement=statement)
    return replace(roots, roots=(*_with(roots, replace(before, until=at)), successor))


def revoked(roots: TrustRoots, name: str, *, reason: str, public: str = "") -> TrustRoots:
    """Believe nothing any more that was signed with the keys of a name, or with one of them.

    The key stays listed, so that it cannot come back.

    Raises
    ------
    UnknownName
        No key is trusted under that name.
    HomeError
        It is this home's own name, or `public` is not one of the name's keys.
    """
    if name == roots.owner:
        raise HomeError(
            "a home does not revoke itself: make new keys with federim trust rotate, and ask the homes that "
            "trust it to revoke the old one"
        )
    known = roots.of(name)
    if not known:
        raise UnknownName("trusted home", name, {root.name for root in roots.roots})
    chosen = [root for root in known if public in ("", root.public)]
    if not chosen:
        raise HomeError(f"{name} has no such key here; federim trust list shows its keys")
    now = _now()
    ended = [replace(root, revoked=root.revoked or now, reason=root.reason or reason) for root in chosen]
    return replace(roots, roots=_with(roots, *ended))


def retired(roots: TrustRoots, key: OwnKey) -> TrustRoots:
    """Remember a key of this home's own that is being replaced, or when and by what statement it was."""
    others = tuple(known for known in roots.own[1:] if known.public != key.public)
    return replace(roots, own=(roots.own[0], key, *others))


def merged(roots: TrustRoots, offered: Sequence[TrustRoot], *, hub: str) -> TrustRoots:
    """Take over what a trusted hub vouches for; what is revoked or replaced here stays so.

    A hub says nothing of this home itself, nor of another hub: those are compared by people.

    Raises
    ------
    HomeError
        It names another key, kind or sealing key than is trusted here; nothing is taken over.
    """
    for root in offered:
        if root.name != roots.owner and (root.kind is not TrustKind.HUB or root.name == hub):
            roots = _merged_one(roots, root, hub)
    return roots


def _merged_one(roots: TrustRoots, offered: TrustRoot, hub: str) -> TrustRoots:
    _check_words(offered.name, offered.public, offered.sealing)
    known = next((root for root in roots.roots if root.public == offered.public), None)
    if known is None:
        taken = (
            offered.current
            and offered.kind is not TrustKind.KEY_SERVER
            and any(root.current for root in roots.of(offered.name))
        )
        if taken:
            raise HomeError(
                f"the bundle of {hub} gives {offered.name} another key than the one trusted here, without a "
                "statement of the old one; ask both which is right"
            )
        return replace(roots, roots=(*roots.roots, replace(offered, since=_now(), vouched_by=hub)))
    if (known.name, known.kind) != (offered.name, offered.kind) or (
        known.sealing and offered.sealing not in ("", known.sealing)
    ):
        raise HomeError(
            f"the bundle of {hub} describes the key of {known.name} otherwise than it is trusted here; "
            "ask both which is right"
        )
    both = replace(
        known,
        sealing=known.sealing or offered.sealing,
        until=known.until or offered.until,
        revoked=known.revoked or offered.revoked,
        reason=known.reason or offered.reason,
    )
    return replace(roots, roots=_with(roots, both))


def _completed(roots: TrustRoots, known: TrustRoot, name: str, kind: TrustKind, sealing: str) -> TrustRoots:
    if known.revoked is not None:
        raise HomeError(f"that key was revoked on {known.revoked:%Y-%m-%d}; ask {known.name} for its new one")
    if known.name != name:
        raise HomeError(f"that key is trusted already, as the one of {known.name}; no two homes share one")
    if known.sealing and sealing not in ("", known.sealing):
        raise HomeError(f"{name!r} is already trusted under another sealing key; only a rotation changes it")
    same_name = [replace(root, kind=kind) for root in roots.of(name)]
    completed = replace(known, kind=kind, sealing=known.sealing or sealing, vouched_by="")
    return replace(roots, roots=_with(roots, *same_name, completed))


def _with(roots: TrustRoots, *changed: TrustRoot) -> tuple[TrustRoot, ...]:
    """The roots, those of the same public key replaced."""
    by_key = {root.public: root for root in changed}
    return tuple(by_key.get(root.public, root) for root in roots.roots)


def _check_words(name: str, public: str, sealing: str) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise HomeError(f"name {name[:40]!r}: expected 1 to 40 lower-case letters, digits, hyphens")
    if not PUBLIC_PATTERN.fullmatch(public):
        raise HomeError(f"public key of {name!r}: expected 64 hexadecimal digits")
    if sealing and not PUBLIC_PATTERN.fullmatch(sealing):
        raise HomeError(f"sealing key of {name!r}: expected 64 hexadecimal digits")


def _now() -> datetime:
    return datetime.now(UTC)
