"""A sender over MLLP: what it is told, and what is kept."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from asgi_servers import make_paper
from mllp_sender import END, START, calling, result

from federim.home import Home
from federim.model.errors import InputError
from federim_pipelines.sources.mllp import LOOPBACK, SPOOL_NAME, Answer, Listening, answer_to, listening
from federim_pipelines.sources.tls import server_tls
from federim_pipelines.spool import Spool


@pytest.fixture
def spool(site: Home) -> Spool:
    return Spool(site, SPOOL_NAME)


def kept(spool: Spool) -> list[bytes]:
    folder = spool.refused.parent.parent / "arrived" / SPOOL_NAME
    return sorted(path.read_bytes() for path in folder.iterdir())


def test_a_message_is_acknowledged_once_it_is_on_the_disk_as_it_came(spool: Spool) -> None:
    with listening(spool, Listening(port=0)) as port, calling(port) as sender:
        told = sender.send(result(1))
        assert kept(spool) == [result(1)]
        second = sender.send(result(2))
    header, said = told.decode("latin-1").strip().split("\r")
    assert header.startswith("MSH|^~\\&|DPI|CHU|SIL|LABO|") and "|ACK^R01^ACK|" in header
    assert header.endswith("|P|2.5||||||8859/1") and said == "MSA|AA|M1"
    assert second.strip().endswith(b"MSA|AA|M2") and len(kept(spool)) == 2


def test_the_same_message_sent_again_is_the_same_object(spool: Spool) -> None:
    with listening(spool, Listening(port=0)) as port:
        for _ in range(3):
            with calling(port) as sender:
                assert b"MSA|AA|M7" in sender.send(result(7))
    assert kept(spool) == [result(7)]


def test_an_answer_speaks_in_the_separators_of_its_message_and_says_nothing_of_the_patient() -> None:
    told = answer_to(result(3, separators="#*%!$"), Answer.ACCEPTED)
    assert told.startswith(b"MSH#*%!$#DPI#CHU#SIL#LABO#") and b"\rMSA#AA#M3\r" in told
    assert b"QUEFFELEC" not in told and b"IPP-3" not in told


@pytest.mark.parametrize("block", [b"no message", b"MSH|^~\\&|SIL", b"", b"PID|1||IPP-1\rMSH|^~\\&"])
def test_what_is_no_message_is_rejected_and_not_kept(spool: Spool, block: bytes) -> None:
    with listening(spool, Listening(port=0)) as port, calling(port) as sender:
        assert b"MSA|AR" in sender.send(block)
        assert b"MSA|AA|M1" in sender.send(result(1))
    assert kept(spool) == [result(1)]


def test_a_full_disk_is_an_error_and_the_sender_keeps_its_message(site: Home) -> None:
    full = Spool(site, SPOOL_NAME, reserve=1 << 62)
    with listening(full, Listening(port=0)) as port, calling(port) as sender:
        assert b"MSA|AE|M1|not kept (StorageFull); send it again" in sender.send(result(1))
    assert kept(full) == []


def test_half_a_message_is_not_kept_and_the_next_sender_is_heard(spool: Spool) -> None:
    with listening(spool, Listening(port=0)) as port:
        with calling(port) as sender:
            sender.connection.sendall(START + result(1)[:50])
        with calling(port) as sender:
            assert b"MSA|AA|M2" in sender.send(result(2))
    assert kept(spool) == [result(2)]


@pytest.mark.parametrize("sent", [b"MSH without a frame" + END, START + b"x" * 5_000])
def test_who_does_not_speak_mllp_or_never_ends_is_hung_up_on(spool: Spool, sent: bytes) -> None:
    with listening(spool, Listening(port=0, longest=1_000)) as port, calling(port) as sender:
        sender.connection.sendall(sent)
        assert sender.answer() == b""


def test_no_more_senders_are_heard_than_were_agreed(spool: Spool) -> None:
    with listening(spool, Listening(port=0, connections=1)) as port, calling(port) as first:
        assert b"MSA|AA" in first.send(result(1))
        with calling(port) as second:
            assert second.answer() == b""
        assert b"MSA|AA" in first.send(result(2))


def test_a_port_that_is_taken_is_said(spool: Spool) -> None:
    with (
        listening(spool, Listening(port=0)) as port,
        pytest.raises(InputError, match=f"cannot listen on {LOOPBACK} port {port}"),
        listening(spool, Listening(port=port)),
    ):
        pass


def test_over_tls_a_sender_shows_a_certificate_the_site_believes(spool: Spool, tmp_path: Path) -> None:
    ours, theirs = make_paper(tmp_path, "site"), make_paper(tmp_path, "sender")
    inside = server_tls(ours.certificate, ours.key, theirs.certificate)
    known, unknown = (ssl.create_default_context(cafile=ours.certificate) for _ in range(2))
    known.load_cert_chain(theirs.certificate, theirs.key)
    with listening(spool, Listening(port=0, tls=inside)) as port:
        with calling(port, known) as sender:
            assert b"MSA|AA|M1" in sender.send(result(1))
        with suppress(ssl.SSLError, ConnectionError), calling(port, unknown) as sender:
            assert sender.send(result(2)) == b""
    assert kept(spool) == [result(1)]
