"""Sites reach the key server over mutual TLS; who is no site does not, and is noticed."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
from collections.abc import Callable
from contextlib import closing

import pytest
from consortium_paper import Authority, Paper
from served_consortium import Consortium

from federim.identity.keyserver import EmbeddedKeyServer
from federim.identity.keyserver import serve as serving_module
from federim.identity.keyserver import service as service_module
from federim.identity.keyserver.epochs import EpochFolder
from federim.identity.keyserver.founding import state_of
from federim.identity.keyserver.remote import RemoteKeyServer
from federim.identity.keyserver.sites import SiteList
from federim.identity.keyserver.tls import client_context
from federim.identity.linking import tokens
from federim.identity.ristretto import random_point
from federim.model.errors import KeyServerAway, VerificationFailed

Connect = Callable[..., RemoteKeyServer]
MESSAGES = [f"patient {number}".encode() for number in range(25)]
POINTS = [random_point() for _ in range(10)]


def alarms(consortium: Consortium) -> list[tuple[str, str]]:
    return [(alarm.kind, alarm.site) for alarm in state_of(consortium.folder).alarms]


def raw(consortium: Consortium, paper: Paper) -> ssl.SSLSocket:
    """A bare connection of a site."""
    tls = client_context(paper.certificate, paper.key, consortium.authority.certificate)
    address = ("127.0.0.1", int(consortium.url.rpartition(":")[2]))
    return tls.wrap_socket(socket.create_connection(address, timeout=30), server_hostname="127.0.0.1")


def answer_to(connection: ssl.SSLSocket, request: bytes) -> bytes:
    """All that comes back until the other end closes."""
    connection.sendall(request)
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def left_alone(connection: ssl.SSLSocket, begun: bytes) -> bytes:
    """What comes back of a request that is never finished, until the other end has enough."""
    try:
        return answer_to(connection, begun)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_far_away_and_in_process_make_the_same_tokens(served: Consortium, connect: Connect) -> None:
    far = connect(served.site())
    near = EmbeddedKeyServer(EpochFolder(served.folder).open_keys)
    assert tokens(MESSAGES, far) == tokens(MESSAGES, near) == tokens(MESSAGES, far, verify=False)
    assert state_of(served.folder).points == {("alpha", 1): 200}


def test_no_point_is_written_anywhere(served: Consortium, connect: Connect) -> None:
    answer = connect(served.site()).evaluate(POINTS, epoch=1)
    written = b"".join(path.read_bytes() for path in served.folder.rglob("*") if path.is_file())
    for point in (*POINTS, *answer.points, answer.proof or b"-"):
        assert point not in written and point.hex().encode() not in written


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_answers_are_as_long_as_their_questions_whatever_was_asked(served: Consortium, size: int) -> None:
    paper, points = served.site(), b"".join(random_point() for _ in range(size))
    lengths = set()
    for proof in (b"yes", b"no"):
        with closing(raw(served, paper)) as connection:
            head = b"POST /v1/epochs/1/evaluate?proof=%s HTTP/1.1\r\nhost: k\r\nconnection: close\r\n" % proof
            answer = answer_to(connection, head + b"content-length: %d\r\n\r\n" % len(points) + points)
            assert answer.startswith(b"HTTP/1.1 200")
            lengths.add(len(answer.partition(b"\r\n\r\n")[2]))
    assert lengths == {64 + size * 32}


def test_a_certificate_that_is_no_sites_is_refused_and_told_of(served: Consortium, connect: Connect) -> None:
    for _ in range(3):
        with pytest.raises(KeyServerAway, match="not on its list"):
            connect(served.authority.paper("stranger")).epochs()
    assert alarms(served) == [("unknown-certificate", "")]
    [line] = (served.folder / "alarms.jsonl").read_text().splitlines()
    assert len(json.loads(line)["certificate"]) == 64


def test_a_certificate_of_another_authority_is_refused_and_told_of(
    served: Consortium, connect: Connect
) -> None:
    foreign = Authority(served.folder.parent / "elsewhere").paper("alpha")
    # OpenSSL would say why, but asyncio does not send it on.
    with pytest.raises(KeyServerAway, match="hangs up on this site's certificate"):
        connect(foreign).epochs()
    assert alarms(served) == [("refused-certificate", "")]


def test_who_shows_no_certificate_is_refused_and_told_of(served: Consortium) -> None:
    context = ssl.create_default_context(cafile=served.authority.certificate)
    address = ("127.0.0.1", int(served.url.rpartition(":")[2]))
    with (
        socket.create_connection(address, timeout=30) as bare,
        context.wrap_socket(bare, server_hostname="127.0.0.1") as connection,
    ):
        assert answer_to(connection, b"GET /v1/epochs HTTP/1.1\r\nhost: k\r\n\r\n") == b""
    assert alarms(served) == [("refused-certificate", "")]


def test_an_older_tls_is_not_spoken(served: Consortium) -> None:
    paper = served.site()
    context = client_context(paper.certificate, paper.key, served.authority.certificate)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    address = ("127.0.0.1", int(served.url.rpartition(":")[2]))
    with (
        socket.create_connection(address, timeout=30) as bare,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(bare, server_hostname="127.0.0.1")
    assert alarms(served) == []


def test_a_site_asks_nobody_who_is_not_the_key_server(served: Consortium, connect: Connect) -> None:
    paper = served.site()
    elsewhere = Authority(served.folder.parent / "elsewhere")
    tls = client_context(paper.certificate, paper.key, elsewhere.certificate)
    with pytest.raises(VerificationFailed, match="CERTIFICATE_VERIFY_FAILED"):
        connect(paper, tls=tls).epochs()


def test_an_epoch_whose_key_nobody_compared_is_not_used(served: Consortium, connect: Connect) -> None:
    first, second = served.public, EpochFolder(served.folder).open_next()
    paper = served.site()
    assert [epoch.number for epoch in connect(paper).epochs()] == [1]
    both = connect(paper, trusted=[first, second.public])
    assert [epoch.number for epoch in both.epochs()] == [2, 1]
    with pytest.raises(VerificationFailed, match=f"2 {second.public.hex()}.*trusts none of them"):
        connect(paper, trusted=[bytes(32)]).epochs()


def test_sites_come_and_go_while_it_runs(served: Consortium, connect: Connect) -> None:
    far = connect(served.site())
    far.epochs()
    SiteList(served.folder).remove("alpha")
    with pytest.raises(KeyServerAway, match="not on its list"):
        far.epochs()


def test_a_renewed_certificate_shares_its_sites_quota(served: Consortium, connect: Connect) -> None:
    for _ in range(2):
        connect(served.site(per_day=1000), wait=pytest.fail).evaluate([random_point()] * 100, epoch=1)
    assert len(SiteList(served.folder).all()["alpha"].certificates) == 2
    assert state_of(served.folder).points == {("alpha", 1): 200}


def test_an_epoch_closes_under_a_site_that_asks(served: Consortium, connect: Connect) -> None:
    far = connect(served.site())
    far.evaluate(POINTS, epoch=1)
    EpochFolder(served.folder).open_next()
    EpochFolder(served.folder).close(1)
    with pytest.raises(KeyServerAway, match="closed a moment ago"):
        far.evaluate(POINTS, epoch=1)


def test_a_question_waits_for_its_minute_and_not_for_tomorrow(served: Consortium, connect: Connect) -> None:
    waited: list[float] = []

    class Waited(Exception):
        pass

    def wait(seconds: float) -> None:
        waited.append(seconds)
        raise Waited

    thousand = [random_point()] * 1000
    quick = connect(served.site(per_minute=1000), wait=wait)
    quick.evaluate(thousand, epoch=1)
    with pytest.raises(Waited):
        quick.evaluate(thousand, epoch=1)
    assert 1 <= waited[0] <= 61
    poor = connect(served.site("beta", per_day=1000), wait=pytest.fail)
    poor.evaluate(thousand, epoch=1)
    with pytest.raises(KeyServerAway, match=r"quota is used up; it takes more in 8\d,\d\d\d seconds"):
        poor.evaluate(thousand, epoch=1)
    # To wait for a minute's quota is what a first ingest does.
    assert alarms(served) == [("day-quota", "beta")]


def test_a_site_at_its_ceiling_and_beyond_its_size_is_told_of(served: Consortium, connect: Connect) -> None:
    far = connect(served.site(patients=5, ceiling=1000))
    far.evaluate(POINTS, epoch=1)
    with pytest.raises(KeyServerAway, match="used up for good; its operator can raise it"):
        far.evaluate([random_point()] * 1000, epoch=1)
    assert alarms(served) == [("more-than-its-patients", "alpha"), ("ceiling", "alpha")]


def test_what_is_no_point_is_refused_counted_and_told_of(served: Consortium, connect: Connect) -> None:
    far = connect(served.site())
    with pytest.raises(KeyServerAway, match="400"):
        far.evaluate([bytes(32)] * 10, epoch=1)
    assert alarms(served) == [("malformed-question", "alpha")]
    assert state_of(served.folder).points == {("alpha", 1): 10}
    assert len(far.evaluate(POINTS, epoch=1).points) == 10


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /v1/epochs/1/evaluate HTTP/1.1\r\nhost: k\r\ncontent-length: 96\r\n", 400),
        (b"POST /v1/epochs/1/evaluate HTTP/1.1\r\nhost: k\r\ncontent-length: 3200000000\r\n", 400),
        (b"POST /v1/epochs/1/evaluate HTTP/1.1\r\nhost: k\r\ntransfer-encoding: chunked\r\n", 400),
        (b"GET /v1/epochs/1/evaluate HTTP/1.1\r\nhost: k\r\nconnection: close\r\n", 405),
        (b"GET /docs HTTP/1.1\r\nhost: k\r\nconnection: close\r\n", 404),
        (b"GARBAGE\r\n", 400),
    ],
)
def test_strange_requests_end_at_once(served: Consortium, head: bytes, status: int) -> None:
    with closing(raw(served, served.site())) as connection:
        assert answer_to(connection, head + b"\r\n").startswith(b"HTTP/1.1 %d" % status)
    assert state_of(served.folder).points == {}


@pytest.mark.parametrize("number", [b"0", b"01", b"-1", b"2", b"1.0", b"9" * 9000])
def test_an_epoch_that_is_no_number_of_an_open_one_is_not_there(served: Consortium, number: bytes) -> None:
    head = b"POST /v1/epochs/%s/evaluate HTTP/1.1\r\nhost: k\r\ncontent-length: 320\r\n\r\n" % number
    with closing(raw(served, served.site())) as connection:
        assert answer_to(connection, head + b"".join(POINTS)).startswith(b"HTTP/1.1 404")
    assert state_of(served.folder).points == {}


def test_a_head_that_never_comes_holds_no_connection(
    served: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = served.site()
    monkeypatch.setattr(serving_module, "_SECONDS_TO_ASK", 0.1)
    for begun in (b"", b"POST /v1/epochs/1/eva"):
        with closing(raw(served, paper)) as connection:
            assert left_alone(connection, begun) == b""
    with closing(raw(served, paper)) as connection:  # its second request is held to the same
        connection.sendall(b"GET /v1/epochs HTTP/1.1\r\nhost: k\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert b"HTTP/1.1" not in left_alone(connection, b"GET /v1/ep")


def test_points_that_never_come_hold_no_connection(
    served: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_SECONDS_TO_SEND", 0.1)
    head = b"POST /v1/epochs/1/evaluate HTTP/1.1\r\nhost: k\r\ncontent-length: 320\r\n\r\n"
    with closing(raw(served, served.site())) as connection:
        assert answer_to(connection, head + bytes(100)).startswith(b"HTTP/1.1 408")
    assert state_of(served.folder).points == {}


def test_a_key_server_that_is_down_makes_persons_wait(consortium: Consortium) -> None:
    paper = consortium.site()
    tls = client_context(paper.certificate, paper.key, consortium.authority.certificate)
    with consortium.serving() as url, closing(RemoteKeyServer(url, tls, [consortium.public])) as far:
        before = tokens(MESSAGES, far)
    with (
        closing(RemoteKeyServer(url, tls, [consortium.public])) as far,
        pytest.raises(KeyServerAway, match=r"127\.0\.0\.1:\d+ cannot be reached.*\(ConnectError\)"),
    ):
        tokens(MESSAGES, far)
    with consortium.serving() as url, closing(RemoteKeyServer(url, tls, [consortium.public])) as far:
        assert tokens(MESSAGES, far) == before


def test_a_key_server_in_trouble_makes_persons_wait_and_says_no_more(
    served: Consortium, connect: Connect
) -> None:
    far = connect(served.site())
    shutil.rmtree(served.folder / "epochs")
    with pytest.raises(KeyServerAway, match="it answers 503"):
        far.epochs()


def test_who_answers_something_else_is_no_key_server(served: Consortium, connect: Connect) -> None:
    far = connect(served.site())

    for answer in (b"<html>", b"[]", b'{"epochs": [["1", "xyz"]]}', b'{"epochs": [1]}'):
        far._ask = lambda *_, _answer=answer, **__: _answer  # type: ignore[method-assign]
        with pytest.raises(VerificationFailed, match="its list of epochs cannot be read"):
            far.epochs()
    far._ask = lambda *_, **__: b"short"  # type: ignore[method-assign]
    with pytest.raises(VerificationFailed, match="5 bytes came back where 384 were expected"):
        far.evaluate(POINTS, epoch=1)
