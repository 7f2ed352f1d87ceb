"""A hub's bundle brings its sites the keys of all, and nothing that contradicts what they compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from federim import key_rotation, signed, trust_bundle
from federim.home import Home, Role
from federim.model.errors import HomeError, InputError, NotApproved, VerificationFailed
from federim.signed import Document
from federim.trust.changes import revoked
from federim.trust.roots import TrustKind


@pytest.fixture
def hub(make_home: Callable[..., Home], site: Home) -> Home:
    """A hub that alpha trusts and that trusts alpha, beta and a key server."""
    made = make_home("hub", Role.HUB)
    site.trust("hub", made.own_key.public, TrustKind.HUB)
    for home in (site, make_home("beta")):
        made.trust(home.name, home.own_key.public, TrustKind.SITE, sealing=home.own_key.sealing)
    made.trust("oprf", "ab" * 32, TrustKind.KEY_SERVER)
    return made


def take_over(site: Home, bundle: Document) -> None:
    site.change_trust(lambda roots: trust_bundle.taken_over(roots, bundle))


def test_a_site_learns_every_key_from_its_hub(site: Home, hub: Home) -> None:
    take_over(site, trust_bundle.export(hub))
    roots = site.trust_roots
    assert (roots.current("beta").kind, roots.current("beta").vouched_by) == (TrustKind.SITE, "hub")
    assert roots.current("beta").sealing == hub.trust_roots.current("beta").sealing
    assert roots.current("hub").sealing == hub.own_key.sealing
    assert roots.current("hub").vouched_by == "", "that one was compared by people"
    assert roots.key_servers == {"ab" * 32}
    take_over(site, trust_bundle.export(hub))
    assert site.trust_roots == roots, "the same again changes nothing"


def test_a_site_that_knows_the_hubs_first_key_alone_follows(site: Home, hub: Home) -> None:
    beta = Home.open(site.root.parent / "beta")
    take_over(site, trust_bundle.export(hub))
    for _ in range(2):
        key_rotation.rotate_own(hub)
        statement = key_rotation.rotate_own(beta)
        hub.change_trust(lambda roots, told=statement: key_rotation.apply(roots, told))
    take_over(site, trust_bundle.export(hub))
    assert site.trusted["hub"] == hub.signing_key.public
    assert site.trusted["beta"] == beta.signing_key.public
    assert site.trust_roots.current("beta").sealing == beta.own_key.sealing


def test_a_revocation_travels_and_is_not_undone_by_an_older_bundle(site: Home, hub: Home) -> None:
    older = trust_bundle.export(hub)
    hub.change_trust(lambda roots: revoked(roots, "beta", reason="stolen"))
    take_over(site, trust_bundle.export(hub))
    assert "beta" not in site.trusted
    take_over(site, older)
    assert "beta" not in site.trusted


def test_a_hub_cannot_swap_a_key_that_was_compared(site: Home, hub: Home) -> None:
    site.trust("beta", "cd" * 32, TrustKind.SITE)
    known = site.trust_roots
    with pytest.raises(HomeError, match="gives beta another key"):
        take_over(site, trust_bundle.export(hub))
    assert site.trust_roots == known


def test_only_a_hub_is_believed(site: Home, hub: Home) -> None:
    with pytest.raises(HomeError, match="needs a hub home"):
        trust_bundle.export(site)
    beta = Home.open(site.root.parent / "beta")
    take_over(site, trust_bundle.export(hub))
    forged = signed.sign(beta, trust_bundle.BUNDLE, {"roots": [], "rotations": []})
    with pytest.raises(NotApproved, match="trusts as a site; it takes a hub"):
        take_over(site, forged)


def test_a_changed_bundle_is_refused(site: Home, hub: Home) -> None:
    bundle = trust_bundle.export(hub)
    with pytest.raises(VerificationFailed):
        take_over(site, {**bundle, "roots": bundle["roots"][:-1]})
    with pytest.raises(InputError, match="trust-bundle"):
        take_over(site, {"kind": "decision"})
    unreadable = signed.sign(hub, trust_bundle.BUNDLE, {"roots": [{"name": "beta"}], "rotations": []})
    with pytest.raises(HomeError, match=r"trust roots, 0\.kind"):
        take_over(site, unreadable)
