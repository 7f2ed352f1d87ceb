"""Tokens and secrets: had in time, renewed when refused, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from asgi_servers import Paper, Serve
from dicomweb_store import Store
from drimbox_source import Provider

from federim.model.errors import InputError
from federim_pipelines.sources.tls import client_tls
from federim_pipelines.sources.web.access import Access, read_secret
from federim_pipelines.sources.web.server import Answered, Server
from federim_pipelines.sources.web.token import ClientCredentials

ASKED = ("a search", "studies", {"limit": "1", "offset": "0"}, "*/*")


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider(serve: Serve, paper: Paper) -> Provider:
    made = Provider()
    made.url = serve(made.app(), paper)
    return made


def credentials(
    provider: Provider, paper: Paper, *, secret: str = "s3cret", clock: Clock | None = None
) -> ClientCredentials:
    tls = client_tls(authority=paper.certificate)
    return ClientCredentials(provider.url, "federim", secret, tls, clock=clock or Clock())


def test_an_issuer_that_is_no_url_is_refused(paper: Paper) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ClientCredentials("https://h:port", "federim", None, client_tls(authority=paper.certificate))


def shown(store: Store) -> list[str]:
    return [headers["authorization"].removeprefix("Bearer ") for headers in store.headers]


def test_one_token_serves_until_it_nears_its_end(
    serve: Serve, store: Store, provider: Provider, paper: Paper
) -> None:
    clock = Clock()
    with Server(f"{serve(store.app())}/rs", Access(auth=credentials(provider, paper, clock=clock))) as server:
        for _ in range(3):
            server.json(*ASKED)
        assert provider.given == 1
        clock.now += provider.life - 10
        server.json(*ASKED)
    assert provider.given == 2
    assert len(set(shown(store))) == 2


def test_a_refused_token_is_replaced_once(
    serve: Serve, store: Store, provider: Provider, paper: Paper
) -> None:
    store.token = "no token is this"
    with (
        Server(f"{serve(store.app())}/rs", Access(auth=credentials(provider, paper))) as server,
        pytest.raises(Answered, match="401"),
    ):
        server.json(*ASKED)
    assert provider.given == 2
    assert len(store.asked) == 2


def test_a_provider_that_gives_none_is_named_and_the_secret_is_not(
    serve: Serve, store: Store, provider: Provider, paper: Paper
) -> None:
    wrong = credentials(provider, paper, secret="wr0ng")
    with (
        Server(f"{serve(store.app())}/rs", Access(auth=wrong)) as server,
        pytest.raises(InputError, match=r"127\.0\.0\.1: expected a token, found status 401") as error,
    ):
        server.json(*ASKED)
    assert "wr0ng" not in str(error.value)
    assert store.asked == []


def test_a_provider_that_describes_another_is_not_believed(
    serve: Serve, store: Store, provider: Provider, paper: Paper
) -> None:
    asked = credentials(provider, paper)
    provider.url = "https://elsewhere.example"
    with (
        Server(f"{serve(store.app())}/rs", Access(auth=asked)) as server,
        pytest.raises(InputError, match="a description of another issuer"),
    ):
        server.json(*ASKED)
    assert provider.given == 0


def test_a_secret_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEDERIM_TOKEN", raising=False)
    assert read_secret("FEDERIM_TOKEN", None) is None
    monkeypatch.setenv("FEDERIM_TOKEN", "from-the-environment\n")
    assert read_secret("FEDERIM_TOKEN", None) == "from-the-environment"
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    assert read_secret("FEDERIM_TOKEN", file) == "from-the-file"


@pytest.mark.parametrize("content", [b"", b"two words", b"a\nb", "clé".encode(), b"\xff\xfe"])
def test_a_secret_that_cannot_be_one_is_refused_unseen(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(InputError, match="token") as error:
        read_secret("FEDERIM_TOKEN", file)
    assert "words" not in str(error.value)
    with pytest.raises(InputError, match="FileNotFoundError"):
        read_secret("FEDERIM_TOKEN", tmp_path / "none")
