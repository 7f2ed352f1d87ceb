"""Trust is given, completed, taken over and withdrawn by rules; what a rule forbids changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from federim.model.errors import HomeError, NotApproved, UnknownName
from federim.trust.changes import added, merged, revoked, rotated
from federim.trust.roots import OwnKey, TrustKind, TrustRoot, TrustRoots

A, B, C, OWN = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOBODY = TrustRoots(owner="alpha", own=(OwnKey(public=OWN),))
HUB, SITE, SERVER = TrustKind.HUB, TrustKind.SITE, TrustKind.KEY_SERVER


def follow(roots: TrustRoots, previous: str, public: str) -> TrustRoots:
    return rotated(
        roots, "hub", previous=previous, public=public, sealing=C, at=NOON, statement={"is": public}
    )


def test_a_key_is_added_once_and_completed_afterwards() -> None:
    roots = added(NOBODY, "hub", A, kind=HUB)
    assert added(added(roots, "hub", A, kind=HUB, sealing=C), "hub", A, kind=HUB).current("hub").sealing == C
    assert added(roots, "hub", A, kind=TrustKind.COMMITTEE).current("hub").kind is TrustKind.COMMITTEE


@pytest.mark.parametrize(
    ("name", "public", "sealing", "says"),
    [
        ("hub", B, "", "another key"),
        ("beta", A, "", "the one of hub"),
        ("alpha", B, "", "its own"),
        ("Beta", B, "", "lower-case"),
        ("../beta", B, "", "lower-case"),
        ("beta", "not a key", "", "64 hexadecimal"),
        ("beta", B.upper(), "", "64 hexadecimal"),
        ("beta", B, "short", "sealing key of 'beta': expected 64"),
        ("hub", A, B, "another sealing key"),
    ],
)
def test_what_cannot_be_believed_is_refused(name: str, public: str, sealing: str, says: str) -> None:
    roots = added(NOBODY, "hub", A, kind=HUB, sealing=C)
    with pytest.raises(HomeError, match=says):
        added(roots, name, public, kind=HUB, sealing=sealing)


def test_a_key_server_has_a_key_an_epoch_and_is_no_home() -> None:
    roots = added(added(NOBODY, "oprf", A, kind=SERVER), "oprf", B, kind=SERVER)
    assert roots.key_servers == {A, B}
    for public in (A, C):
        with pytest.raises(HomeError, match="a key server and a home"):
            added(revoked(roots, "oprf", reason="closed", public=B), "oprf", public, kind=HUB)


def test_a_successor_stands_in_for_the_key_that_named_it() -> None:
    roots = follow(added(NOBODY, "hub", A, kind=HUB), A, B)
    assert (roots.current("hub").public, roots.current("hub").sealing) == (B, C)
    assert [root.until for root in roots.of("hub")] == [NOON, None]
    assert follow(roots, A, B) == roots, "the same statement again changes nothing"


def test_a_successor_of_another_key_is_refused() -> None:
    roots = follow(added(NOBODY, "hub", A, kind=HUB), A, B)
    with pytest.raises(HomeError, match="not the one trusted here"):
        follow(roots, A, C)
    with pytest.raises(NotApproved, match="revoked"):
        follow(revoked(roots, "hub", reason="stolen"), B, C)
    taken = added(added(NOBODY, "hub", A, kind=HUB), "beta", B, kind=SITE)
    with pytest.raises(HomeError, match="not the one trusted here"):
        follow(taken, A, B)


def test_what_is_revoked_stays_so_and_makes_room_for_another() -> None:
    roots = revoked(added(NOBODY, "hub", A, kind=HUB), "hub", reason="stolen")
    assert roots.of("hub")[0].reason == "stolen"
    again = revoked(roots, "hub", reason="twice")
    assert again == roots, "the first day and reason stay"
    for name in ("hub", "beta"):
        with pytest.raises(HomeError, match="was revoked"):
            added(roots, name, A, kind=HUB)
    assert added(roots, "hub", B, kind=HUB).current("hub").public == B


def test_only_what_is_known_and_not_oneself_is_revoked() -> None:
    with pytest.raises(HomeError, match="does not revoke itself"):
        revoked(NOBODY, "alpha", reason="stolen")
    with pytest.raises(UnknownName, match="trusted home"):
        revoked(NOBODY, "hub", reason="stolen")
    with pytest.raises(HomeError, match="no such key"):
        revoked(added(NOBODY, "hub", A, kind=HUB), "hub", reason="stolen", public=B)


def test_a_hub_vouches_for_newcomers_and_its_revocations_stick() -> None:
    roots = added(NOBODY, "hub", A, kind=HUB)
    beta = TrustRoot(name="beta", kind=SITE, public=B, sealing=C)
    known = merged(roots, [beta], hub="hub")
    assert (known.current("beta").vouched_by, known.current("beta").sealing) == ("hub", C)
    over = merged(known, [replace(beta, until=NOON)], hub="hub")
    assert over.of("beta")[0].until == NOON
    assert merged(over, [beta], hub="hub") == over
    gone = merged(known, [replace(beta, revoked=NOON, reason="left")], hub="hub")
    assert gone.of("beta")[0].revoked == NOON
    assert merged(gone, [beta], hub="hub") == gone, "an older bundle brings nothing back"


@pytest.mark.parametrize(
    "offered",
    [
        TrustRoot(name="beta", kind=SITE, public=C),
        TrustRoot(name="gamma", kind=SITE, public=B),
        TrustRoot(name="beta", kind=TrustKind.COMMITTEE, public=B),
        TrustRoot(name="beta", kind=SITE, public=B, sealing=A),
    ],
    ids=["another key", "another name", "another kind", "another sealing key"],
)
def test_a_hub_does_not_replace_what_was_compared(offered: TrustRoot) -> None:
    roots = added(added(NOBODY, "hub", A, kind=HUB), "beta", B, kind=SITE, sealing=C)
    with pytest.raises(HomeError, match="ask both"):
        merged(roots, [offered], hub="hub")


def test_a_hub_says_nothing_of_this_home_or_of_another_hub() -> None:
    roots = added(added(NOBODY, "hub", A, kind=HUB), "other-hub", B, kind=HUB)
    offered = [
        TrustRoot(name="alpha", kind=SITE, public=C),
        TrustRoot(name="other-hub", kind=HUB, public=B, revoked=NOON),
        TrustRoot(name="third-hub", kind=HUB, public=C),
    ]
    assert merged(roots, offered, hub="hub") == roots
