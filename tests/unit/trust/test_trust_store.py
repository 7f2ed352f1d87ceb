"""The trust file: private, whole, one writer at a time, and the earlier form still read."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from federim.home import Home, Role
from federim.model.errors import HomeError
from federim.trust.roots import TrustKind

FILE = "trusted.json"


@pytest.mark.parametrize(
    ("role", "kind"),
    [(Role.SITE, TrustKind.HUB), (Role.WORKSPACE, TrustKind.HUB), (Role.HUB, TrustKind.SITE)],
)
def test_an_earlier_homes_file_is_read_and_then_rewritten(
    make_home: Callable[..., Home], role: Role, kind: TrustKind
) -> None:
    home = make_home(role=role)
    (home.keys / FILE).write_text(json.dumps({"other": "ab" * 32, "alpha": home.signing_key.public}))
    assert home.trusted == {"other": "ab" * 32, "alpha": home.signing_key.public}
    assert home.trust_roots.current("other").kind is kind
    home.trust("third", "cd" * 32, kind)
    assert set(json.loads((home.keys / FILE).read_bytes())) == {"own", "roots"}
    assert home.trusted.keys() == {"other", "third", "alpha"}


def test_an_earlier_home_gets_its_sealing_key_on_first_use(site: Home) -> None:
    (site.keys / "sealing.key").unlink()
    assert site.own_key.sealing == site.own_key.sealing
    assert (site.keys / "sealing.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"roots": 3, "own": []}', '{"roots": [{"name": "b"}], "own": []}', '{"b": 7}'],
)
def test_a_damaged_file_is_said_and_left_alone(site: Home, content: str) -> None:
    (site.keys / FILE).write_text(content)
    with pytest.raises(HomeError, match=r"trusted\.json is damaged"):
        _ = site.trusted
    with pytest.raises(HomeError, match=r"trusted\.json is damaged"):
        site.trust("hub", "ab" * 32)
    assert (site.keys / FILE).read_text() == content


def test_two_at_once_lose_nothing(site: Home) -> None:
    names = [f"site-{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(lambda name: Home.open(site.root).trust(name, name.encode().hex().ljust(64, "0")), names)
        )
    assert site.trusted.keys() == {*names, "alpha"}
