"""What a sender over MLLP was told is kept reaches the lake, though the listener is killed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from orthanc_server import free_port
from pacs_peers import wait_for

from federim.home import Home
from federim.lake.reader import connect_home
from federim_pipelines.sources.mllp import SPOOL_NAME
from federim_pipelines.spool import Spool

pytestmark = pytest.mark.integration


def result(number: int) -> bytes:
    """A creatinine of somebody who does not exist, the `number`th message of their laboratory."""
    segments = [
        f"MSH|^~\\&|SIL|LABO|DPI|CHU|20240306{number:06d}||ORU^R01^ORU_R01|M{number}|P|2.5",
        f"PID|1||IPP-{number}^^^CHU^PI||QUEFFELEC^MAEL||19610409|F",
        f"OBR|1|P{number}|F{number}^LABO|24323-8^Bilan^LN|||20240305083000",
        f"OBX|1|NM|14682-9^Creatinine^LN||{number}|umol/L|||||F",
    ]
    return "\r".join((*segments, "")).encode()


def send(connection: socket.socket, message: bytes) -> bytes:
    """Send one message, and give its answer."""
    connection.sendall(b"\x0b" + message + b"\x1c\r")
    told = b""
    while not told.endswith(b"\x1c\r"):
        part = connection.recv(4096)
        assert part, "the listener hung up"
        told += part
    return told


@contextmanager
def listener(home: Home, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`federim listen`, once somebody can call it; stopped by its own process id at the end."""
    program = Path(sys.executable).with_name("federim")
    command = [
        str(program),
        "--home",
        str(home.root),
        "listen",
        "--port",
        str(port),
        "--quiet",
        "0",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield process
        finally:
            process.kill()


def called(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def test_what_was_acknowledged_reaches_the_lake_though_the_listener_is_killed(site: Home) -> None:
    port, sent, acknowledged = free_port(), 0, set()
    for _ in range(2):
        with listener(site, port) as victim, called(port) as sender:
            for _ in range(40):
                sent += 1
                if f"MSA|AA|M{sent}".encode() in send(sender, result(sent)):
                    acknowledged.add(sent)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
    with listener(site, port) as third, called(port) as sender:
        assert b"MSA|AA" in send(sender, result(1))  # sent again, as if its answer had been lost
        third.send_signal(signal.SIGTERM)
        told = json.loads(third.communicate()[0])
    assert told["received"] == 1 and acknowledged == set(range(1, 81))
    Spool(site, SPOOL_NAME).drain()
    with connect_home(site) as lake:
        found = lake.sql("select value_source_number n from measurement order by n").fetchall()
    assert [int(number) for (number,) in found] == sorted(acknowledged)
