"""A key server multiplies points; its key is made once and never replaced."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from served_consortium import Consortium

from federim.home import Home
from federim.identity import oprf
from federim.identity.keyserver import EmbeddedKeyServer, create_key_file, open_key_server
from federim.identity.keyserver.founding import found
from federim.identity.keyserver.remote import RemoteKeyServer
from federim.model.errors import HomeError, IdentityError, InputError, KeyServerAway
from federim.trust.roots import TrustKind

POINTS = oprf.blind_many([b"a", b"b", b"c"]).points


def test_it_counts_points_and_keeps_their_order() -> None:
    server = EmbeddedKeyServer.of_seed(bytes(32))
    together = server.evaluate(POINTS, prove=False)
    alone = [EmbeddedKeyServer.of_seed(bytes(32)).evaluate([point]).points[0] for point in POINTS]
    assert (together.points, together.proof) == (alone, None)
    assert server.evaluated == 3


def test_it_proves_that_it_used_the_key_it_announces() -> None:
    server, other = EmbeddedKeyServer.of_seed(bytes(32)), EmbeddedKeyServer.of_seed(bytes([1]) * 32)
    answer = server.evaluate(POINTS)
    assert answer.proof is not None
    oprf.verify(server.epochs()[0].public, POINTS, answer.points, answer.proof)
    with pytest.raises(IdentityError, match="not made with the key"):
        oprf.verify(other.epochs()[0].public, POINTS, answer.points, answer.proof)


def test_a_refused_batch_counts_nothing() -> None:
    server = EmbeddedKeyServer.of_seed(bytes(32))
    with pytest.raises(IdentityError):
        server.evaluate([POINTS[0], bytes(32)])
    assert server.evaluated == 0


def test_an_epoch_that_is_not_open_makes_persons_wait_rather_than_be_refused() -> None:
    with pytest.raises(KeyServerAway, match="epoch 2 is not open; open: 1"):
        EmbeddedKeyServer.of_seed(bytes(32)).evaluate(POINTS, epoch=2)


def test_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "oprf.key"
    create_key_file(path)
    key = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(IdentityError, match="never replaced"):
        create_key_file(path)
    assert path.read_bytes() == key
    assert [found.name for found in tmp_path.iterdir()] == ["oprf.key"]


def test_own_key_is_made_on_first_use_and_kept(make_site: Callable[..., Home]) -> None:
    home = make_site(key_server="")
    assert open_key_server(home).epochs() == open_key_server(home).epochs()
    assert (home.keys / "oprf.key").exists()


def test_sites_that_name_one_file_share_one_key(make_site: Callable[..., Home]) -> None:
    alpha, beta = make_site("alpha"), make_site("beta", key_server="embedded:../key-server.key")
    assert open_key_server(alpha).epochs() == open_key_server(beta).epochs()


def test_a_folder_is_a_key_server_with_epochs(make_site: Callable[..., Home], tmp_path: Path) -> None:
    epoch = found(tmp_path / "key-server")
    home = make_site(key_server=f"embedded:{tmp_path / 'key-server'}")
    assert open_key_server(home).epochs() == (epoch,)


def test_a_shared_key_that_is_missing_is_not_made(make_site: Callable[..., Home], tmp_path: Path) -> None:
    home = make_site(key_server=f"embedded:{tmp_path / 'elsewhere.key'}")
    with pytest.raises(HomeError, match=r"elsewhere\.key"):
        open_key_server(home)
    assert not (tmp_path / "elsewhere.key").exists()


FAR = {
    "key_server": "https://keys.example.org:7443",
    "key_server_ca": "ca.pem",
    "key_server_certificate": "site.pem",
    "key_server_key": "site.key",
    "key_server_public": "ab" * 32,
}


@pytest.mark.parametrize(
    ("without", "said"),
    [
        ("key_server_ca", "needs key_server_ca in"),
        ("key_server_key", "needs key_server_key in"),
        ("key_server_public", "federim trust add --kind key-server"),
    ],
)
def test_a_far_key_server_needs_paper_and_a_key_to_believe(
    make_site: Callable[..., Home], without: str, said: str
) -> None:
    with pytest.raises(HomeError, match=said):
        open_key_server(make_site(**{**FAR, without: ""}))


def test_paper_that_is_none_is_refused_before_anything_is_asked(make_site: Callable[..., Home]) -> None:
    home = make_site(**FAR)
    for name in ("ca.pem", "site.pem", "site.key"):
        (home.root / name).write_text("no PEM")
    with pytest.raises(InputError, match=r"site\.pem.*expected PEM files that belong together"):
        open_key_server(home)


def test_a_trusted_key_may_come_from_the_trust_roots(
    make_site: Callable[..., Home], consortium: Consortium
) -> None:
    paper = consortium.site()
    home = make_site(
        key_server=FAR["key_server"],
        key_server_ca=str(consortium.authority.certificate),
        key_server_certificate=str(paper.certificate),
        key_server_key=str(paper.key),
    )
    home.trust("keys", consortium.public.hex(), TrustKind.KEY_SERVER)
    server = open_key_server(home)
    assert isinstance(server, RemoteKeyServer)
    server.close()
