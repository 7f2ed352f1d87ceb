"""A sealed message is opened by one home alone, which knows who wrote it and what for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim import signed
from federim.home import Home, Role
from federim.keys import canonical, close_box
from federim.model.errors import HomeError, InputError, NotApproved, VerificationFailed
from federim.sealed import MAGIC, STEP, open_sealed, seal
from federim.trust.changes import revoked
from federim.trust.roots import DECIDING, TrustKind


@pytest.fixture
def beta(make_home: Callable[..., Home], site: Home) -> Home:
    """Another site, and both know one another."""
    other = make_home("beta")
    for here, there in ((site, other), (other, site)):
        here.trust(there.name, there.own_key.public, TrustKind.SITE, sealing=there.own_key.sealing)
    return other


def sent(site: Home, beta: Home, content: bytes = b"forget", kind: str = "notice") -> bytes:
    return seal(content, to=site.trust_roots.current("beta").sealing, sender=site, kind=kind)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(content=st.binary(max_size=3_000))
def test_what_is_sealed_is_read_and_its_length_tells_little(site: Home, beta: Home, content: bytes) -> None:
    message = sent(site, beta, content)
    assert open_sealed(beta, message, kind="notice") == ("alpha", content)
    assert len(message) % STEP == 0 and len(message) - len(content) <= STEP + 700
    assert len(content) < 8 or content not in message.removeprefix(MAGIC)


def test_short_messages_are_of_one_length(site: Home, beta: Home) -> None:
    assert {len(sent(site, beta, bytes(length))) for length in range(0, 300, 50)} == {STEP}


def test_nobody_else_opens_it(site: Home, beta: Home, make_home: Callable[..., Home]) -> None:
    for other in (site, make_home("gamma")):
        with pytest.raises(VerificationFailed, match="cannot open the sealed message"):
            open_sealed(other, sent(site, beta), kind="notice")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(place=st.integers(len(MAGIC), STEP - 1), flip=st.integers(1, 255))
def test_a_changed_byte_shows(site: Home, beta: Home, place: int, flip: int) -> None:
    message = bytearray(sent(site, beta))
    message[place] ^= flip
    with pytest.raises(VerificationFailed):
        open_sealed(beta, bytes(message), kind="notice")


def test_one_kind_never_passes_for_another(site: Home, beta: Home) -> None:
    with pytest.raises(InputError, match="expected a sealed project-key"):
        open_sealed(beta, sent(site, beta), kind="project-key")
    with pytest.raises(InputError, match="not a sealed message"):
        open_sealed(beta, b"-----BEGIN", kind="notice")


def test_the_sender_counts_as_what_it_is(site: Home, beta: Home) -> None:
    with pytest.raises(NotApproved, match="trusts as a site"):
        open_sealed(beta, sent(site, beta), kind="notice", senders=DECIDING)
    message = sent(site, beta)
    beta.change_trust(lambda roots: revoked(roots, "alpha", reason="stolen"))
    with pytest.raises(NotApproved, match="revoked"):
        open_sealed(beta, message, kind="notice")


def test_a_stranger_is_not_believed(make_home: Callable[..., Home], beta: Home) -> None:
    stranger = make_home("stranger", Role.HUB)
    message = seal(b"x", to=beta.own_key.sealing, sender=stranger, kind="notice")
    with pytest.raises(NotApproved, match="does not trust"):
        open_sealed(beta, message, kind="notice")


def test_a_recipient_cannot_pass_a_message_on_as_the_senders(
    site: Home, beta: Home, make_home: Callable[..., Home]
) -> None:
    """Beta opens alpha's message and seals what it found, alpha's signature included, to gamma."""
    gamma = make_home("gamma")
    gamma.trust("alpha", site.own_key.public, TrustKind.SITE)
    inside = beta.sealing_keys[0].open(sent(site, beta)[len(MAGIC) :])
    assert inside is not None
    with pytest.raises(VerificationFailed, match="not for gamma"):
        open_sealed(gamma, MAGIC + close_box(gamma.own_key.sealing, inside), kind="notice")


@pytest.mark.parametrize("inside", [b"", b"\xff" * 40, bytes(16) + b"{}", (2).to_bytes(8) + bytes(8) + b"[]"])
def test_a_box_with_anything_else_in_it_is_refused(beta: Home, inside: bytes) -> None:
    with pytest.raises(VerificationFailed, match="does not say who sent it"):
        open_sealed(beta, MAGIC + close_box(beta.own_key.sealing, inside), kind="notice")


def test_content_other_than_what_was_signed_is_refused(site: Home, beta: Home) -> None:
    letter = signed.sign(site, "sealed notice", {"to": beta.own_key.sealing, "sha256": "0" * 64})
    head = canonical(letter)
    inside = len(head).to_bytes(8) + (3).to_bytes(8) + head + b"yes"
    with pytest.raises(VerificationFailed, match="not what it signed"):
        open_sealed(beta, MAGIC + close_box(beta.own_key.sealing, inside), kind="notice")


def test_a_home_whose_sealing_key_is_not_known_gets_nothing(site: Home) -> None:
    site.trust("beta", "ab" * 32, TrustKind.SITE)
    with pytest.raises(HomeError, match="sealing key"):
        sent(site, site)
