"""Listen for HL7 v2 messages over MLLP, and acknowledge each once it is safe on the disk."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hl7.mllp import HL7StreamReader, HL7StreamWriter, InvalidBlockError, start_hl7_server

from federim.model.errors import InputError, StorageFull
from federim_pipelines.sources.hl7v2.messages import LONGEST_MESSAGE
from federim_pipelines.sources.hl7v2.segments import Delimiters, Segment
from federim_pipelines.spool import Spool

LOOPBACK: Final = "127.0.0.1"
CONNECTIONS: Final = 32  # each may hold a message of the longest kind in memory
SECONDS_OF_SILENCE: Final = 120  # after which a sender is asked whether it is still there
SPOOL_NAME: Final = "hl7"
SUFFIX: Final = ".hl7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where to listen; port 0 is any that is free."""

    port: int
    host: str = LOOPBACK
    connections: int = CONNECTIONS
    longest: int = LONGEST_MESSAGE  # bytes
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Answer(StrEnum):
    """What a sender is told (table 0008)."""

    ACCEPTED = "AA"  # kept: it need not be sent again
    ERROR = "AE"  # could not be kept: send it again later
    REJECTED = "AR"  # is no message: to send it again is of no use


@contextmanager
def listening(spool: Spool, where: Listening, kept: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Listen as long as the block lasts; gives the port.

    A message that is cut off, or whose acknowledgement does not arrive, is sent again by whoever sent it:
    the same bytes are the same object of the spool.

    Parameters
    ----------
    kept : callable
        Told of each message kept, in the thread that listens.

    Raises
    ------
    InputError
        Nobody can listen at that host and port.

    References
    ----------
    HL7, Transport Specification: MLLP, Release 1; HL7 v2.5, 2.9.2 (original acknowledgement mode).
    """
    began: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
    thread = threading.Thread(
        target=lambda: asyncio.run(_listen(spool, where, kept, began)), name="mllp", daemon=True
    )
    thread.start()
    try:
        loop, stop, port = began.result()
    except OSError as error:
        thread.join()
        raise InputError(
            f"cannot listen on {where.host} port {where.port}: {error.strerror}; choose another port, or "
            "stop who has it"
        ) from error
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def answer_to(block: bytes, answer: Answer, why: str = "") -> bytes:
    """The acknowledgement of a message, in its own separators and character set.

    Parameters
    ----------
    why : str
        For the sender's log (MSA-3); never of the message.

    References
    ----------
    HL7 v2.5, 2.14.1 (ACK), 2.15.8 (MSA).
    """
    header = header_of(block)
    if header is None:
        header = Segment("MSH|^~\\&", Delimiters(), 1)
    separator, component = header.raw(1), header.raw(2)[:1]
    now = dt.datetime.now(dt.UTC)
    fields = [
        "MSH",
        header.raw(2),
        *(header.raw(place) for place in (5, 6, 3, 4)),
        f"{now:%Y%m%d%H%M%S}+0000",
        "",
        component.join(("ACK", header(9, 2), "ACK")) if header(9, 2) else "ACK",
        secrets.token_hex(8),
        header.raw(11) or "P",
        header.raw(12) or "2.5",
        *[""] * 5,
        header.raw(18),
    ]
    told = separator.join(fields).rstrip(separator)
    said = separator.join(("MSA", answer.value, header.raw(10), why)).rstrip(separator)
    return f"{told}\r{said}\r".encode("latin-1")


def header_of(block: bytes) -> Segment | None:
    """The MSH of a message; None if it does not begin with one.

    Its bytes are read one for one, whatever their character set: what is repeated comes back as it came.
    """
    line = re.split(rb"[\r\n]", block.removeprefix(b"\xef\xbb\xbf").lstrip(), maxsplit=1)[0].decode("latin-1")
    if not line.startswith("MSH") or len(line) < len(r"MSH|^~\&"):
        return None
    return Segment(line, Delimiters.of(line), 1)


async def _listen(
    spool: Spool,
    where: Listening,
    kept: Callable[[], None],
    began: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]],
) -> None:
    stop = asyncio.Event()
    senders: set[asyncio.Task[None]] = set()

    def welcome(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        if len(senders) >= where.connections:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(_converse(reader, writer, spool, kept))
        senders.add(task)
        task.add_done_callback(senders.discard)

    try:
        server = await start_hl7_server(welcome, where.host, where.port, limit=where.longest, ssl=where.tls)
    except OSError as error:
        began.set_exception(error)
        return
    began.set_result((asyncio.get_running_loop(), stop, server.sockets[0].getsockname()[1]))
    await stop.wait()
    server.close()
    for task in senders:
        task.cancel()
    await asyncio.gather(*senders, return_exceptions=True)


async def _converse(
    reader: HL7StreamReader, writer: HL7StreamWriter, spool: Spool, kept: Callable[[], None]
) -> None:
    """Take one sender's messages, each answered before the next is read."""
    # What ends a conversation: the sender hangs up or is lost, or sends what is no block or too long for one.
    ends = (asyncio.IncompleteReadError, InvalidBlockError, ValueError, OSError)
    _notice_loss(writer)
    try:
        with suppress(*ends):
            while True:
                block = await reader.readblock()
                answer, why = await asyncio.to_thread(_keep, block, spool)
                if answer is Answer.ACCEPTED:
                    kept()
                writer.writeblock(answer_to(block, answer, why))
                await writer.drain()
    finally:
        writer.close()


def _notice_loss(writer: HL7StreamWriter) -> None:
    """Have the kernel look after a sender that may be silent for days: one that is gone holds a place."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SECONDS_OF_SILENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SECONDS_OF_SILENCE * 1000)


def _keep(block: bytes, spool: Spool) -> tuple[Answer, str]:
    header = header_of(block)
    if header is None or not header(9) or not header(10):
        return Answer.REJECTED, "expected MSH with MSH-9 and MSH-10"
    try:
        with spool.writing(spool.named(block, suffix=SUFFIX)) as file:
            file.write(block)
    except (StorageFull, OSError) as error:
        return Answer.ERROR, f"not kept ({type(error).__name__}); send it again"
    return Answer.ACCEPTED, ""
