"""A server is asked again when that may help, and a message never says what it was asked."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from asgi_servers import Paper, Serve, make_paper
from dicomweb_store import Store
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Route

from federim.model.errors import InputError
from federim_pipelines.sources.tls import client_tls
from federim_pipelines.sources.web.access import Access, Bearer
from federim_pipelines.sources.web.server import Answered, Broken, Server, Unreachable

SECRET = "8004177193"


def test_pauses_grow_and_then_it_is_over(
    store: Store, connect: Callable[..., Server], waits: list[float]
) -> None:
    def attempt() -> None:
        raise Broken

    with pytest.raises(Unreachable, match="a thing failed 4 times, last by Broken"):
        connect(store).patiently("a thing", attempt)
    assert waits == [1, 2, 3]


@pytest.mark.parametrize(("told", "waited"), [("2", 2.0), ("0", 1.0), ("100000", 300.0), ("soon", 1.0)])
def test_a_server_may_ask_for_a_longer_pause_within_reason(
    store: Store, connect: Callable[..., Server], waits: list[float], told: str, waited: float
) -> None:
    answers = [Answered("h", 503, "a thing", pause=float(told) if told.isdecimal() else None)]

    def attempt() -> str:
        if answers:
            raise answers.pop()
        return "done"

    assert connect(store).patiently("a thing", attempt) == "done"
    assert waits == [waited]


def test_nobody_at_the_address(waits: list[float]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            Server(url, Access(), pauses=(1,), wait=waits.append) as server,
            pytest.raises(Unreachable, match="failed 2 times, last by ConnectError") as error,
        ):
            server.json("a search", "studies", {"PatientID": SECRET}, "application/json")
    assert SECRET not in str(error.value)


def test_a_server_that_is_not_who_it_should_be_is_not_asked_again(
    serve: Serve, store: Store, paper: Paper, waits: list[float]
) -> None:
    url = serve(store.app(), paper)
    with (
        Server(url, Access(), pauses=(1,), wait=waits.append) as server,
        pytest.raises(Unreachable, match="certificate that is not accepted"),
    ):
        server.json("a search", "rs/studies", {}, "application/json")
    assert waits == []
    assert store.asked == []
    with Server(url, Access(tls=client_tls(authority=paper.certificate))) as server:
        assert server.json("a search", "rs/studies", {"limit": "1", "offset": "0"}, "*/*") is None


def test_no_log_at_any_level_says_what_was_asked(
    store: Store, connect: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connect(store).json("a search", "studies", {"PatientID": SECRET, "limit": "1", "offset": "0"}, "*/*")
    assert SECRET not in caplog.text


def test_a_token_crosses_no_network_unencrypted() -> None:
    with pytest.raises(InputError, match="a token is sent over https only"):
        Server("http://pacs.example/rs", Access(auth=Bearer("t0ken")))
    with Server("http://pacs.example/rs", Access()), Server("http://127.0.0.1", Access(auth=Bearer("t0ken"))):
        pass


@pytest.mark.parametrize(
    "url", ["pacs.example/rs", "ftp://pacs.example", "https://", "https://h:port", "file:///etc"]
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected"):
        Server(url, Access())


def test_a_redirection_is_not_followed(serve: Serve) -> None:
    asked: list[str] = []

    def elsewhere(request: object) -> RedirectResponse:
        asked.append("")
        return RedirectResponse("/there", 302)

    app = Starlette(routes=[Route("/here", elsewhere), Route("/there", elsewhere)])
    with Server(serve(app), Access(auth=Bearer("t0ken"))) as server, pytest.raises(Answered, match="302"):
        server.json("a thing", "here", {}, "*/*")
    assert len(asked) == 1


def test_mutual_tls_shows_the_sites_certificate(tmp_path: Path, paper: Paper) -> None:
    mine = make_paper(tmp_path, "site")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paper.certificate, paper.key)
    context.load_verify_locations(mine.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    seen: list[bytes | None] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as tls:
                seen.append(tls.getpeercert(binary_form=True))
                tls.recv(4096)
                tls.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        tls = client_tls(authority=paper.certificate, certificate=mine.certificate, key=mine.key)
        with Server(f"https://127.0.0.1:{listener.getsockname()[1]}", Access(tls=tls), pauses=()) as server:
            assert server.json("a thing", "x", {}, "*/*") is None
        thread.join()
    assert seen != [None]


def test_files_that_are_no_certificates_are_told_by_name_alone(tmp_path: Path, paper: Paper) -> None:
    other = make_paper(tmp_path, "other")
    with pytest.raises(InputError, match=r"server\.key.*expected PEM files"):
        client_tls(authority=paper.key)
    with pytest.raises(InputError, match=r"other\.key"):
        client_tls(certificate=paper.certificate, key=other.key)
    with pytest.raises(InputError, match="FileNotFoundError"):
        client_tls(authority=tmp_path / "none.pem")


def test_no_proxy_of_the_environment_is_gone_through(
    monkeypatch: pytest.MonkeyPatch, store: Store, connect: Callable[..., Server]
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert connect(store).json("a search", "studies", {"limit": "1", "offset": "0"}, "*/*") is None
