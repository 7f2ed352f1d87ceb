"""Send messages over MLLP as a laboratory's system does."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from federim_pipelines.sources.mllp import LOOPBACK

START, END = b"\x0b", b"\x1c\r"


def result(number: int, *, separators: str = "|^~\\&", name: str = "QUEFFELEC^MAEL") -> bytes:
    """A creatinine of somebody who does not exist, the `number`th message of their laboratory."""
    segments = [
        f"MSH|^~\\&|SIL|LABO|DPI|CHU|20240306{number:06d}||ORU^R01^ORU_R01|M{number}|P|2.5|||||FRA|8859/1",
        f"PID|1||IPP-{number}^^^CHU^PI||{name}||19610409|F",
        f"OBR|1|P{number}|F{number}^LABO|24323-8^Bilan^LN|||20240305083000",
        f"OBX|1|NM|14682-9^Creatinine^LN||{number}|umol/L|||||F",
    ]
    usual = dict(zip("|^~\\&", separators, strict=True))
    told = "".join(usual.get(letter, letter) for letter in "\r".join((*segments, "")))
    return told.encode("latin-1")


class Sender:
    """Sends a block and waits for its answer."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, message: bytes) -> bytes:
        """The answer, without its frame; nothing if the other side hung up."""
        self.connection.sendall(START + message + END)
        return self.answer()

    def answer(self) -> bytes:
        told = b""
        while not told.endswith(END):
            part = self.connection.recv(4096)
            if not part:
                return told
            told += part
        assert told.startswith(START)
        return told[1 : -len(END)]


@contextmanager
def calling(port: int, tls: ssl.SSLContext | None = None) -> Iterator[Sender]:
    """A sender connected to a port of loopback."""
    with socket.create_connection((LOOPBACK, port), timeout=30) as connection:
        if tls is None:
            yield Sender(connection)
        else:
            with tls.wrap_socket(connection, server_hostname=LOOPBACK) as secure:
                yield Sender(secure)
