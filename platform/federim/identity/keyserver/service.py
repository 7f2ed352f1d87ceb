"""Answer sites over HTTP: which epochs are open, and the points they ask for evaluated."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from federim.identity.keyserver.alarms import BY_LIMIT, Alarm, Alarms
from federim.identity.keyserver.contract import MESSAGE_SIZES
from federim.identity.keyserver.embedded import EmbeddedKeyServer
from federim.identity.keyserver.ledger import Ledger
from federim.identity.keyserver.quotas import Refusal
from federim.identity.keyserver.sites import Site, SiteList
from federim.identity.oprf import PROOF_BYTES
from federim.identity.ristretto import POINT_BYTES
from federim.model.errors import IdentityError, UserError

EPOCHS: Final = "/v1/epochs"
EVALUATE: Final = "/v1/epochs/{number}/evaluate"
CERTIFICATE: Final = "certificate"
"""The state in which the listener leaves the SHA-256 of the caller's certificate."""

_LENGTHS: Final = frozenset(str(size * POINT_BYTES) for size in MESSAGE_SIZES)
_SECONDS_TO_SEND: Final = 10.0
_NO_PROOF: Final = bytes(PROOF_BYTES)
_LOGGER: Final = logging.getLogger(__name__)


class _Refused(Exception):
    def __init__(self, status: int, reason: str, retry_after: float | None = None) -> None:
        self.status = status
        self.reason = reason
        self.headers = {} if retry_after is None else {"retry-after": str(int(retry_after) + 1)}


class Service:
    """What a key server does with a request. It keeps counts, and forgets the points."""

    def __init__(self, keys: EmbeddedKeyServer, sites: SiteList, ledger: Ledger, alarms: Alarms) -> None:
        self._keys = keys
        self._sites = sites
        self._ledger = ledger
        self._alarms = alarms
        # Others wait their turn: more threads than cores would only slow each other down.
        self._cores = asyncio.Semaphore(os.cpu_count() or 1)

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route(EPOCHS, self._announce, methods=["GET"]),
                Route(EVALUATE, self._evaluate, methods=["POST"]),
            ],
            exception_handlers={_Refused: _say_refused, UserError: _say_unable},
        )

    async def _announce(self, request: Request) -> Response:
        await run_in_threadpool(self._caller, request)
        epochs = await run_in_threadpool(self._keys.epochs)
        return JSONResponse({"epochs": [[epoch.number, epoch.public.hex()] for epoch in epochs]})

    async def _evaluate(self, request: Request) -> Response:
        """Answer with a proof (64 bytes, zero where none was asked for) and as many points as were asked."""
        site = await run_in_threadpool(self._caller, request)
        points = await self._points(request, site)
        named = request.path_params["number"]
        prove = request.query_params.get("proof") == "yes"
        async with self._cores:
            evaluated, proof = await run_in_threadpool(self._counted, site, named, points, prove)
        return Response(proof + b"".join(evaluated), media_type="application/octet-stream")

    def _caller(self, request: Request) -> Site:
        certificate: str = getattr(request.state, CERTIFICATE)
        site = self._sites.bearer(certificate)
        if site is None:
            self._alarms.sound(Alarm.STRANGER, certificate=certificate)
            raise _Refused(403, "this certificate is no site's")
        return site

    async def _points(self, request: Request, site: Site) -> list[bytes]:
        """The points of a question, read in bounded time and room."""
        if request.headers.get("content-length") not in _LENGTHS:
            await run_in_threadpool(self._alarms.sound, Alarm.MALFORMED, site=site.name)
            sizes = ", ".join(map(str, MESSAGE_SIZES))
            raise _Refused(400, f"expected {sizes} points of {POINT_BYTES} bytes")
        try:
            async with asyncio.timeout(_SECONDS_TO_SEND):
                body = await request.body()
        except (TimeoutError, ClientDisconnect):
            raise _Refused(408, f"the points did not come within {_SECONDS_TO_SEND:.0f} seconds") from None
        return [body[start : start + POINT_BYTES] for start in range(0, len(body), POINT_BYTES)]

    def _counted(
        self, site: Site, named: str, points: Sequence[bytes], prove: bool
    ) -> tuple[list[bytes], bytes]:
        # Compared as text: a number of a million digits is none to be read.
        number = next((each.number for each in self._keys.epochs() if str(each.number) == named), None)
        if number is None:
            raise _Refused(404, "this epoch is not open")
        asked = self._ledger.ask(site, number, len(points))
        if isinstance(asked, Refusal):
            if asked.limit in BY_LIMIT:
                self._alarms.sound(BY_LIMIT[asked.limit], site=site.name, epoch=number, points=len(points))
            raise _Refused(429, f"this site's {asked.limit} quota is used up", asked.retry_after)
        if asked.outgrown:
            self._alarms.sound(Alarm.OUTGROWN, site=site.name, epoch=number, points=len(points))
        try:
            evaluation = self._keys.evaluate(points, epoch=number, prove=prove)
        except IdentityError:
            # Counted all the same: who asks what cannot be asked uses up what is theirs.
            self._alarms.sound(Alarm.MALFORMED, site=site.name, epoch=number, points=len(points))
            raise _Refused(400, "expected encodings of ristretto255 points") from None
        return evaluation.points, evaluation.proof or _NO_PROOF


def _say_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, _Refused)
    # A body that is not read to its end is not to be taken for the next question.
    return JSONResponse(
        {"refused": error.reason}, error.status, headers={**error.headers, "connection": "close"}
    )


def _say_unable(_request: Request, error: Exception) -> Response:
    """Have the operator read of the key server's own trouble (a full disk, a damaged file), and no site."""
    _LOGGER.error("%s", error)
    return JSONResponse({"refused": "the key server is unable for now"}, 503)
