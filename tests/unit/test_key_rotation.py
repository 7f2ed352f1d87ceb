"""A home gets new keys: what the old ones signed or sealed stays readable, and crashes lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from federim import key_rotation, signed
from federim.audit import trail
from federim.home import Home, Role
from federim.key_rotation import rotate_own
from federim.model.errors import HomeError, InputError, NotApproved, VerificationFailed
from federim.sealed import open_sealed, seal
from federim.trust.roots import DECIDING, TrustKind


@pytest.fixture
def hub(make_home: Callable[..., Home], site: Home) -> Home:
    """A hub that the site trusts, and that trusts the site."""
    made = make_home("hub", Role.HUB)
    site.trust("hub", made.own_key.public, TrustKind.HUB, sealing=made.own_key.sealing)
    made.trust("alpha", site.own_key.public, TrustKind.SITE, sealing=site.own_key.sealing)
    return made


def follow(site: Home, statement: dict[str, Any]) -> None:
    site.change_trust(lambda roots: key_rotation.apply(roots, statement))


def test_what_was_signed_before_counts_and_what_the_old_key_signs_after_does_not(
    site: Home, hub: Home
) -> None:
    before, old = signed.sign(hub, "decision", {"number": 1}), hub.signing_key
    follow(site, rotate_own(hub))
    after = signed.sign(hub, "decision", {"number": 2})
    for document in (before, after):
        assert signed.check(site.trust_roots, document, "decision", kinds=DECIDING) == "hub"
        assert signed.check(hub.trust_roots, document, "decision", kinds=DECIDING) == "hub"
    late = signed.sign_with(old, "hub", "decision", {}, at=signed.signed_at(after))
    for home in (site, hub):
        with pytest.raises(NotApproved, match="another replaced"):
            signed.check(home.trust_roots, late, "decision")


def test_until_it_is_told_a_site_does_not_believe_the_new_key(site: Home, hub: Home) -> None:
    rotate_own(hub)
    with pytest.raises(VerificationFailed):
        signed.check(site.trust_roots, signed.sign(hub, "decision", {}), "decision")


def test_the_audit_trail_is_whole_across_rotations(site: Home) -> None:
    for turn in range(3):
        trail.record(site, "olga", "test.act", turn=turn)
        rotate_own(site)
    trail.record(site, "olga", "test.act", turn=3)
    checked = trail.verify(site)
    assert (checked.ok, checked.events) == (True, 4), checked.reason


def test_what_was_sealed_to_the_old_key_is_still_opened(site: Home, hub: Home) -> None:
    message = seal(b"key", to=site.own_key.sealing, sender=hub, kind="note")
    first = site.own_key
    rotate_own(site)
    rotate_own(site)
    assert (first.public, first.sealing) != (site.own_key.public, site.own_key.sealing)
    assert open_sealed(site, message, kind="note") == ("hub", b"key")


def test_a_service_that_runs_signs_with_the_new_key(site: Home) -> None:
    running = Home.open(site.root)
    before = running.signing_key.public
    rotate_own(site)
    assert running.signing_key.public == site.signing_key.public != before


def test_statements_are_followed_in_their_order(site: Home, hub: Home) -> None:
    first, second = rotate_own(hub), rotate_own(hub)
    with pytest.raises(VerificationFailed):
        follow(site, second)
    follow(site, first)
    follow(site, second)
    assert site.trusted["hub"] == hub.signing_key.public


@pytest.mark.parametrize("field", ["public", "sealing", "previous", "accepted", "signed_at"])
def test_a_changed_statement_is_refused(site: Home, hub: Home, field: str) -> None:
    statement = rotate_own(hub)
    known = site.trusted
    with pytest.raises(VerificationFailed):
        follow(site, {**statement, field: "0" * len(statement[field])})
    assert site.trusted == known


def test_nobody_names_a_key_they_do_not_hold(site: Home, hub: Home) -> None:
    """The hub names beta's key its own, so that what beta signs would count as the hub's."""
    old, sealing = hub.signing_key, hub.own_key.sealing
    claimed = {"previous": old.public, "public": "ab" * 32, "sealing": sealing, "accepted": "0" * 128}
    with pytest.raises(VerificationFailed, match="new key of hub"):
        follow(site, signed.sign(hub, key_rotation.STATEMENT, claimed))


def test_a_statement_is_for_others_and_is_one(site: Home, hub: Home) -> None:
    with pytest.raises(HomeError, match="give it to the homes"):
        follow(hub, rotate_own(hub))
    with pytest.raises(InputError, match="expected a key-rotation"):
        follow(site, signed.sign(hub, "decision", {}))


WRITES = 4  # journal, retired sealing key, sealing key, signing key
CHANGES = 2  # of the trust roots


class Killed(BaseException):
    """What a kill is to the code it hits."""


@pytest.mark.parametrize("survived", range(WRITES + CHANGES))  # the last step that was still done
def test_killed_anywhere_it_completes_when_called_again(
    site: Home, hub: Home, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    trail.record(site, "olga", "test.act", turn=0)
    message = seal(b"key", to=site.own_key.sealing, sender=hub, kind="note")
    steps = iter(range(WRITES + CHANGES))

    def killing(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            done = real(*arguments)
            if next(steps) == survived:
                raise Killed
            return done

        return step

    with monkeypatch.context() as dying:
        dying.setattr(key_rotation, "replace_private", killing(key_rotation.replace_private))
        dying.setattr(Home, "change_trust", killing(Home.change_trust))
        with pytest.raises(Killed):
            rotate_own(site)
    assert trail.verify(site).ok, "whole before it is completed"
    trail.record(site, "olga", "test.act", turn=1)
    told = [key.statement for key in site.trust_roots.own if key.statement]
    statement = rotate_own(site)
    assert told in ([], [statement]), "what may have been handed out already stays the statement"
    follow(hub, statement)
    trail.record(site, "olga", "test.act", turn=2)
    assert trail.verify(site).ok
    assert hub.trusted["alpha"] == site.signing_key.public
    assert open_sealed(site, message, kind="note").content == b"key"
    assert not (site.keys / "rotation.json").exists()
    assert len(site.trust_roots.own) == 2
