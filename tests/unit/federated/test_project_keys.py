"""A project's key is made once at the hub, and only the sites of its plans ever read it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home, Role
from federim.key_rotation import apply, rotate_own
from federim.keys import write_private
from federim.model.errors import HomeError, InputError, NotApproved, VerificationFailed
from federim.sealed import seal
from federim.trust.changes import revoked
from federim.trust.roots import TrustKind
from federim_federated import project_key, project_sites
from federim_federated.project_key import KIND, create, install, path, read, sealed_to

EPOCH, NEXT_EPOCH = "ab" * 32, "cd" * 32


@pytest.fixture
def hub(make_home: Callable[..., Home], site: Home) -> Home:
    """A hub that alpha trusts, and that trusts alpha."""
    made = make_home("hub", Role.HUB)
    site.trust("hub", made.own_key.public, TrustKind.HUB)
    made.trust("alpha", site.own_key.public, TrustKind.SITE, sealing=site.own_key.sealing)
    return made


def sealed(hub: Home, site: Home, project: str = "lesions") -> bytes:
    return sealed_to(hub, read(hub, project), site.own_key.sealing)


def test_a_key_is_made_once_and_the_site_has_the_same(hub: Home, site: Home) -> None:
    made = create(hub, "lesions")
    assert create(hub, "lesions") == made and len(made.key) == 32
    assert install(site, sealed(hub, site)) == read(site, "lesions") == made
    assert install(site, sealed(hub, site)) == made, "sent again, it is the same"
    assert project_key.known(site) == ["lesions"]


def test_no_file_of_a_home_holds_the_key(hub: Home, site: Home) -> None:
    key = create(hub, "lesions").key
    install(site, sealed(hub, site))
    for home in (hub, site):
        assert path(home, "lesions").stat().st_mode & 0o777 == 0o600
        for file in home.root.rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            assert key not in content and key.hex().encode() not in content, file
    assert key.hex() not in repr(read(site, "lesions"))


def test_another_key_or_epoch_does_not_take_its_place(hub: Home, site: Home) -> None:
    made = create(hub, "lesions")
    install(site, sealed(hub, site))
    others = [
        project_key.ProjectKey(project="lesions", key=bytes(32), epoch=None, hub="hub"),
        project_key.ProjectKey(project="lesions", key=made.key, epoch=bytes.fromhex(EPOCH), hub="hub"),
    ]
    for other in others:
        with pytest.raises(HomeError, match="already holds another key"):
            install(site, sealed_to(hub, other, site.own_key.sealing))
    assert read(site, "lesions") == made


def test_only_a_hub_gives_project_keys(hub: Home, site: Home, make_home: Callable[..., Home]) -> None:
    beta = make_home("beta")
    site.trust("beta", beta.own_key.public, TrustKind.SITE)
    key = project_key.ProjectKey(project="lesions", key=bytes(32), epoch=None, hub="beta")
    with pytest.raises(NotApproved, match="trusts as a site; it takes a committee or hub"):
        install(site, sealed_to(beta, key, site.own_key.sealing))
    with pytest.raises(HomeError, match="needs a hub home"):
        create(site, "lesions")
    with pytest.raises(HomeError, match="federim project seal"):
        read(site, "lesions")


@pytest.mark.parametrize("name", ["../signing", "", "Lesions", "a/b", "x" * 41])
def test_a_name_stays_in_its_folder(hub: Home, site: Home, name: str) -> None:
    with pytest.raises(InputError):
        create(hub, name)
    key = project_key.ProjectKey(project=name, key=bytes(32), epoch=None, hub="hub")
    with pytest.raises(InputError, match="holds no project key"):
        install(site, sealed_to(hub, key, site.own_key.sealing))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"project": "lesions"}',
        b'{"project": "lesions", "key": "00", "epoch": ""}',
        b'{"project": "lesions", "key": 7, "epoch": ""}',
    ],
)
def test_a_message_with_no_key_in_it_is_refused(hub: Home, site: Home, content: bytes) -> None:
    with pytest.raises(InputError, match="holds no project key"):
        install(site, seal(content, to=site.own_key.sealing, sender=hub, kind=KIND))
    assert project_key.known(site) == []


def test_a_project_pins_the_epoch_of_the_key_server_the_hub_trusts(hub: Home, site: Home) -> None:
    assert create(hub, "unpinned").epoch is None
    hub.trust("oprf", EPOCH, TrustKind.KEY_SERVER)
    assert create(hub, "lesions").epoch == bytes.fromhex(EPOCH)
    hub.trust("oprf", NEXT_EPOCH, TrustKind.KEY_SERVER)
    with pytest.raises(InputError, match="trusts 2 key server's keys"):
        create(hub, "strokes")
    assert create(hub, "strokes", epoch=NEXT_EPOCH).epoch == bytes.fromhex(NEXT_EPOCH)
    assert create(hub, "lesions").epoch == bytes.fromhex(EPOCH)
    with pytest.raises(HomeError, match="pins another epoch"):
        create(hub, "lesions", epoch=NEXT_EPOCH)
    with pytest.raises(NotApproved, match="trusts no key server of that key"):
        create(hub, "livers", epoch="ef" * 32)


def test_a_site_that_trusts_key_servers_accepts_no_other_epoch(hub: Home, site: Home) -> None:
    hub.trust("oprf", EPOCH, TrustKind.KEY_SERVER)
    site.trust("oprf", NEXT_EPOCH, TrustKind.KEY_SERVER)
    create(hub, "lesions")
    with pytest.raises(NotApproved, match="key server's key that alpha does not trust"):
        install(site, sealed(hub, site))
    site.trust("oprf", EPOCH, TrustKind.KEY_SERVER)
    install(site, sealed(hub, site))


def test_new_keys_of_either_home_leave_the_projects_key_readable(hub: Home, site: Home) -> None:
    made = create(hub, "lesions")
    install(site, sealed(hub, site))
    statement = rotate_own(hub)
    rotate_own(site)
    site.change_trust(lambda roots: apply(roots, statement))
    assert read(hub, "lesions") == read(site, "lesions") == made


def test_the_key_of_a_hub_found_out_counts_no_more(hub: Home, site: Home) -> None:
    create(hub, "lesions")
    install(site, sealed(hub, site))
    site.change_trust(lambda roots: revoked(roots, "hub", reason="stolen"))
    with pytest.raises(NotApproved, match="revoked"):
        read(site, "lesions")


def test_an_earlier_homes_plain_key_is_read_and_sealed_at_the_next_step(hub: Home, site: Home) -> None:
    for home in (hub, site):
        (home.keys / "projects").mkdir(mode=0o700)
        write_private(home.keys / "projects" / "lesions.key", b"k" * 32)
    assert read(site, "lesions").key == create(hub, "lesions").key == b"k" * 32
    other = project_key.ProjectKey(project="lesions", key=bytes(32), epoch=None, hub="hub")
    with pytest.raises(HomeError, match="already holds another key"):
        install(site, sealed_to(hub, other, site.own_key.sealing))
    assert install(site, sealed(hub, site)).key == b"k" * 32
    for home in (hub, site):
        assert [file.name for file in (home.keys / "projects").iterdir()] == ["lesions.sealed"]
        assert read(home, "lesions").key == b"k" * 32


def test_a_key_under_anothers_name_is_found(hub: Home, site: Home) -> None:
    create(hub, "lesions")
    install(site, sealed(hub, site))
    path(site, "lesions").rename(path(site, "strokes"))
    with pytest.raises(VerificationFailed, match="another project"):
        read(site, "strokes")


def test_the_key_is_sealed_to_the_sites_of_signed_plans_alone(
    consortium: Any, plan_name: str, make_home: Callable[..., Home], tmp_path: Path
) -> None:
    consortium.drafted(plan_name)
    hub = Home.open(Path(shutil.copytree(consortium.hub.root, tmp_path / "hub")))
    assert project_sites.approved(hub, "lesions") == {"alpha", "beta", "gamma"}
    assert project_sites.approved(hub, "strokes") == frozenset()
    delta = make_home("delta")
    hub.trust("delta", delta.own_key.public, TrustKind.SITE, sealing=delta.own_key.sealing)
    with pytest.raises(NotApproved, match="no signed plan of project lesions names 'delta'"):
        project_sites.seal(hub, "lesions", "delta", actor="ada")
    create(hub, "strokes")
    with pytest.raises(NotApproved, match="no signed plan of project strokes"):
        project_sites.seal(hub, "strokes", "alpha", actor="ada")
