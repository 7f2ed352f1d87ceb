"""A key server multiplies points; its key is made once and never replaced."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from federim.home import Home
from federim.identity.keyserver import KeyServer, create_key_file, open_key_server
from federim.identity.oprf import blind
from federim.model.errors import HomeError, IdentityError


def test_it_counts_points_and_keeps_their_order() -> None:
    server = KeyServer(bytes(32))
    points = [blind(message)[1] for message in (b"a", b"b", b"c")]
    assert server.evaluate(points) == [KeyServer(bytes(32)).evaluate([point])[0] for point in points]
    assert server.evaluated == 3


def test_a_refused_batch_counts_nothing() -> None:
    server = KeyServer(bytes(32))
    with pytest.raises(IdentityError):
        server.evaluate([blind(b"a")[1], bytes(32)])
    assert server.evaluated == 0


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
    assert open_key_server(home).public == open_key_server(home).public
    assert (home.keys / "oprf.key").exists()


def test_sites_that_name_one_file_share_one_key(make_site: Callable[..., Home]) -> None:
    alpha, beta = make_site("alpha"), make_site("beta", key_server="embedded:../key-server.key")
    assert open_key_server(alpha).public == open_key_server(beta).public


def test_a_shared_key_that_is_missing_is_not_made(make_site: Callable[..., Home], tmp_path: Path) -> None:
    home = make_site(key_server=f"embedded:{tmp_path / 'elsewhere.key'}")
    with pytest.raises(HomeError, match=r"elsewhere\.key"):
        open_key_server(home)
    assert not (tmp_path / "elsewhere.key").exists()
