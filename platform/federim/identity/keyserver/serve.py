"""Run the key server: one process, mutual TLS, patient with nobody who is slow."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from federim.identity.keyserver.alarms import Alarm, Alarms
from federim.identity.keyserver.embedded import EmbeddedKeyServer
from federim.identity.keyserver.epochs import EpochFolder
from federim.identity.keyserver.founding import open_ledger
from federim.identity.keyserver.service import CERTIFICATE, Service
from federim.identity.keyserver.sites import SiteList
from federim.identity.keyserver.tls import server_context
from federim.model.errors import InputError

_MOST_CONNECTIONS: Final = 500  # each worker of a site keeps one
_SECONDS_TO_ASK: Final = 10.0  # a request's head
_SECONDS_KEPT: Final = 30  # a connection without a request
_SECONDS_TO_FINISH: Final = 10  # requests under way, when it is stopped


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where a key server listens, and with what paper."""

    host: str
    port: int  # 0 is one that is free
    certificate: Path
    key: Path
    authority: Path  # signs sites' certificates
    alarm_file: Path | None = None


class _MutualTls(H11Protocol):
    """A connection that knows who calls, and ends where a request's head does not come."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.app_state = {**self.app_state, CERTIFICATE: hashlib.sha256(certificate).hexdigest()}
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._unwatch()  # the service sees to the rest
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_SECONDS_TO_ASK, self.transport.abort)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """Who listens. `run` lasts until SIGTERM or Ctrl-C, which then reaches its caller."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener
        self.port: int = listener.getsockname()[1]

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer, until it is stopped."""
        super().run(sockets=sockets or [self._listener])


@contextmanager
def listening(folder: Path, where: Listening) -> Iterator[Server]:
    """A server for the sites of a key server's folder. Callers queue from now on; `run` answers them.

    Raises
    ------
    HomeError, IdentityError
        The folder holds no key server's keys, or damaged ones.
    InputError
        A file of TLS cannot be used, or the port is taken.
    """
    epochs = EpochFolder(folder)
    epochs.open_keys()
    with open_ledger(folder) as ledger:
        alarms = Alarms(ledger, where.alarm_file)
        tls = server_context(
            where.certificate, where.key, where.authority, lambda: alarms.sound(Alarm.UNVOUCHED)
        )
        service = Service(EmbeddedKeyServer(epochs.open_keys), SiteList(folder), ledger, alarms)
        config = uvicorn.Config(
            service.application(),
            http=_MutualTls,
            loop="asyncio",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="error",  # a warning a strange request would let strangers fill the disk
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_SECONDS_KEPT,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
            ssl_context_factory=lambda *_: tls,
        )
        with _listener(where) as listener:
            yield Server(config, listener)


def _listener(where: Listening) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        return socket.create_server((where.host, where.port), family=family)
    except OSError as error:
        raise InputError(
            f"cannot listen on {where.host} port {where.port} ({error.strerror}); choose another"
        ) from None
