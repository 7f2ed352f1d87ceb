"""A DRIMbox source, emulated: WADO-RS over a folder, behind token introspection and its own manifests.

It is as strict as the reference implementation (ansforge/DRIM-M_DRIMbox) about what it must be asked with.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pydicom
from dicomweb_store import as_parts
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

_SYNTAX = re.compile(r"transfer-syntax=([\d.]+)")
_QUALITY = re.compile(r"q=(\d\.\d)")
_BOUNDARY = re.compile(r"boundary=([^,;.]+)")


@dataclass
class Provider:
    """An OpenID Connect provider that knows one client, and whose tokens can be revoked."""

    client: tuple[str, str] = ("federim", "s3cret")
    life: int = 300  # seconds
    url: str = ""  # once it is served
    live: set[str] = field(default_factory=set)
    given: int = 0

    def app(self) -> Starlette:
        """The provider: its description, tokens, and what a source asks of a token."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/token", self.grant, methods=["POST"]),
                Route("/introspect", self.introspect, methods=["POST"]),
            ]
        )

    def describe(self, _: Request) -> Response:
        return JSONResponse({"issuer": self.url, "token_endpoint": f"{self.url}/token"})

    async def grant(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        basic = httpx.BasicAuth(*self.client)._auth_header
        if request.headers.get("Authorization") != basic or form["grant_type"] != ["client_credentials"]:
            raise HTTPException(401)
        token = secrets.token_urlsafe(16)
        self.live.add(token)
        self.given += 1
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": self.life})

    async def introspect(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        return JSONResponse({"active": form["token"][0] in self.live})


@dataclass
class DrimboxSource:
    """A source over a folder of DICOM files, which gives what its current manifests name.

    `current` is the SOPInstanceUID of each study's manifest; `fates` the status a series is answered with.
    """

    folder: Path
    active: Callable[[str], bool]  # introspection of a token
    current: dict[str, str] = field(default_factory=dict)
    fates: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """The source."""
        path = "/drimbox/studies/{study}/series/{series}"
        return Starlette(
            routes=[Route(path, self.series), Route(f"{path}/instances/{{instance}}", self.series)]
        )

    def series(self, request: Request) -> Response:
        """WADO-RS: the series, its parts cut by the boundary the consumer asked for."""
        study, series = request.path_params["study"], request.path_params["series"]
        self.asked.append(series)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not self.active(token):
            raise HTTPException(401)
        if series in self.fates:
            raise HTTPException(self.fates[series])
        boundary = ""
        for entry in request.headers.get("Accept", "").split(","):
            wanted = _BOUNDARY.search(entry)
            if not (_SYNTAX.search(entry) and _QUALITY.search(entry) and wanted):
                raise HTTPException(400)
            boundary = boundary or wanted[1]
        if "KOS-SOPInstanceUID" not in request.headers:
            raise HTTPException(400)
        if (
            self.current.get(study) != request.headers["KOS-SOPInstanceUID"]
            or "instance" in request.path_params
        ):
            raise HTTPException(404)
        found = [path.read_bytes() for path in sorted(self.folder.iterdir()) if _is_of(path, series)]
        if not found:
            raise HTTPException(410)
        kind = 'multipart/related;start="<1@resteasy-multipart>";type="application/dicom"'
        return StreamingResponse(as_parts(found, boundary), media_type=f"{kind}; boundary={boundary}")


def _is_of(path: Path, series: str) -> bool:
    return bool(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID == series)
