"""Whose signature counts, for what, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.keys import SigningKey
from federim.model.errors import NotApproved, VerificationFailed
from federim.trust.roots import DECIDING, SIGNING, OwnKey, TrustKind, TrustRoot, TrustRoots

OLD, NEW, OWN, BEFORE = (SigningKey(letter * 32) for letter in (b"o", b"n", b"w", b"b"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def trusting(*roots: TrustRoot) -> TrustRoots:
    own = (OwnKey(public=OWN.public), OwnKey(public=BEFORE.public, until=NOON))
    return TrustRoots(owner="alpha", own=own, roots=roots)


def hub(key: SigningKey = NEW, kind: TrustKind = TrustKind.HUB) -> TrustRoot:
    return TrustRoot(name="hub", kind=kind, public=key.public)


ROTATED = trusting(replace(hub(OLD), until=NOON), hub(NEW))


@given(MOMENTS)
def test_a_replaced_key_counts_for_what_it_signed_before_and_for_nothing_after(moment: datetime) -> None:
    signature = OLD.sign(b"decided")
    if moment <= NOON:
        assert ROTATED.verify("hub", signature, b"decided", what="it", signed_at=moment) == OLD.public
    else:
        with pytest.raises(NotApproved, match="another replaced on 2026-03-01"):
            ROTATED.verify("hub", signature, b"decided", what="it", signed_at=moment)


@given(st.none() | MOMENTS)
def test_a_revoked_key_counts_for_nothing_whenever_it_signed(moment: datetime | None) -> None:
    roots = trusting(replace(hub(OLD), revoked=NOON), hub(NEW))
    with pytest.raises(NotApproved, match="revoked on 2026-03-01"):
        roots.verify("hub", OLD.sign(b"decided"), b"decided", what="it", signed_at=moment)
    assert roots.verify("hub", NEW.sign(b"decided"), b"decided", what="it", signed_at=moment) == NEW.public


def test_what_bears_no_date_counts_under_a_replaced_key() -> None:
    assert ROTATED.verify("hub", OLD.sign(b"manifest"), b"manifest", what="it") == OLD.public


@pytest.mark.parametrize("kind", TrustKind)
def test_only_who_decides_signs_decisions(kind: TrustKind) -> None:
    roots, signature = trusting(hub(kind=kind)), NEW.sign(b"decided")
    if kind in DECIDING:
        roots.verify("hub", signature, b"decided", what="it", kinds=DECIDING)
    else:
        with pytest.raises(NotApproved, match=f"trusts as a {kind.value}; it takes a committee or hub"):
            roots.verify("hub", signature, b"decided", what="it", kinds=DECIDING)


def test_a_key_server_signs_no_document() -> None:
    assert TrustKind.KEY_SERVER not in SIGNING


def test_only_key_servers_pin_key_servers() -> None:
    servers = [
        TrustRoot(name="oprf", kind=TrustKind.KEY_SERVER, public=letter * 64) for letter in ("a", "b", "c")
    ]
    roots = trusting(hub(), servers[0], servers[1], replace(servers[2], revoked=NOON))
    assert roots.key_servers == {"a" * 64, "b" * 64}
    assert roots.publics == {"alpha": OWN.public, "hub": NEW.public}


def test_a_home_counts_in_itself_with_all_its_keys() -> None:
    roots = trusting()
    assert roots.verify("alpha", OWN.sign(b"x"), b"x", what="it", kinds=DECIDING) == OWN.public
    early = NOON - timedelta(days=1)
    assert roots.verify("alpha", BEFORE.sign(b"x"), b"x", what="it", signed_at=early) == BEFORE.public
    with pytest.raises(NotApproved, match="replaced"):
        roots.verify("alpha", BEFORE.sign(b"x"), b"x", what="it", signed_at=NOON + timedelta(microseconds=1))


def test_nobody_signs_for_another() -> None:
    roots = trusting(hub(), TrustRoot(name="beta", kind=TrustKind.HUB, public=OLD.public))
    with pytest.raises(VerificationFailed, match="the thing of hub: the signature does not match"):
        roots.verify("hub", OLD.sign(b"x"), b"x", what="the thing")
    with pytest.raises(NotApproved, match="'gamma', whose key alpha does not trust"):
        roots.verify("gamma", OLD.sign(b"x"), b"x", what="the thing")


@pytest.mark.parametrize("spoilt", ["", "ab", NEW.sign(b"x").upper(), " " + NEW.sign(b"x"), "zz" * 64])
def test_a_signature_has_one_spelling(spoilt: str) -> None:
    with pytest.raises(VerificationFailed, match="malformed"):
        trusting(hub()).verify("hub", spoilt, b"x", what="it")


def test_who_has_no_key_left_has_none_in_use() -> None:
    roots = trusting(replace(hub(), revoked=NOON))
    with pytest.raises(NotApproved, match="any more"):
        roots.current("hub")
    assert roots.publics == {"alpha": OWN.public}
