"""A small FHIR R4 server on loopback: bulk export or search, and the ways real ones fail."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Resource = dict[str, Any]

TOKEN = "let-me-in"
TRANSACTION_TIME = "2026-02-01T00:00:00Z"


@dataclass
class FhirServer:
    """What it holds, what it can, what it was asked; `fail` answers a status as often as told."""

    resources: list[Resource]
    deleted: list[str] = field(default_factory=list)
    exports: bool = True
    page: int = 2
    asked: list[str] = field(default_factory=list)
    fail: dict[str, list[int]] = field(default_factory=dict)
    elsewhere: str = ""  # base of the addresses it gives, if not its own
    polls: int = 2  # before an export is complete
    retry_after: str = "7"  # seconds from one of them to the next
    last_page: bool = True  # or the last page is its own next
    portal: bool = False  # stands before the files of an export
    url: str = ""
    _looks: Counter[str] = field(default_factory=Counter)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/fhir/$export", self._kick_off),
                Route("/fhir/Group/{group}/$export", self._kick_off),
                Route("/fhir/status/{number}", self._status),
                Route("/fhir/files/{kind}", self._file),
                Route("/fhir/{kind}", self._search),
            ]
        )

    def kinds(self) -> list[str]:
        """In an order that does not suit the reader: patients last."""
        return sorted({each["resourceType"] for each in self.resources}, key=lambda kind: kind == "Patient")

    async def _kick_off(self, request: Request) -> Response:
        if (refused := self._note(request)) is not None:
            return refused
        if not self.exports:
            return JSONResponse({"resourceType": "OperationOutcome"}, status_code=400)
        if request.headers.get("prefer") != "respond-async":
            return Response(status_code=400)
        since = request.query_params.get("_since", "")
        kinds = request.query_params["_type"]
        place = f"{self._base()}/status/1?since={since.replace('+', '%2B')}&kinds={kinds}"
        return Response(status_code=202, headers={"Content-Location": place})

    async def _status(self, request: Request) -> Response:
        if (refused := self._note(request)) is not None:
            return refused
        self._looks["status"] += 1
        if self._looks["status"] <= self.polls:
            return Response(
                status_code=202, headers={"Retry-After": self.retry_after, "X-Progress": "Mrs Martin"}
            )
        asked = request.query_params
        base, kinds = self._base(), asked["kinds"].split(",")
        output = [
            {"type": kind, "url": f"{base}/files/{kind}?since={asked['since'].replace('+', '%2B')}"}
            for kind in self.kinds()
            if kind in kinds
        ]
        manifest: dict[str, Any] = {
            "transactionTime": TRANSACTION_TIME,
            "requiresAccessToken": True,
            "output": output,
            "error": [],
        }
        if self.deleted:
            manifest["deleted"] = [{"type": "Bundle", "url": f"{base}/files/deleted"}]
        return JSONResponse(manifest)

    async def _file(self, request: Request) -> Response:
        if (refused := self._note(request)) is not None:
            return refused
        if request.path_params["kind"] == "deleted":
            lines: list[Resource] = [
                {
                    "resourceType": "Bundle",
                    "type": "transaction",
                    "entry": [{"request": {"method": "DELETE", "url": url}}],
                }
                for url in self.deleted
            ]
        else:
            lines = self._changed(request.path_params["kind"], request.query_params.get("since", ""))
        if self.portal:
            return Response("<html>", media_type="text/html")
        return Response(
            "".join(json.dumps(line) + "\n" for line in lines), media_type="application/fhir+ndjson"
        )

    async def _search(self, request: Request) -> Response:
        if (refused := self._note(request)) is not None:
            return refused
        kind, asked = request.path_params["kind"], request.query_params
        found = self._changed(kind, asked.get("_lastUpdated", "").removeprefix("ge"))
        start = int(asked.get("start", 0))
        entries = [
            {"fullUrl": f"{self.url}/{kind}/{each['id']}", "resource": each, "search": {"mode": "match"}}
            for each in found[start : start + self.page]
        ]
        link = [{"relation": "self", "url": str(request.url)}]
        if start + self.page < len(found):
            more = str(request.url.include_query_params(start=start + self.page))
            link.append({"relation": "next", "url": more.replace(self.url, self._base())})
        elif not self.last_page:
            link.append({"relation": "next", "url": str(request.url)})
        return JSONResponse({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries})

    def _changed(self, kind: str, since: str) -> list[Resource]:
        return [
            each
            for each in self.resources
            if each["resourceType"] == kind and each["meta"]["lastUpdated"] >= since[:10]
        ]

    def _note(self, request: Request) -> Response | None:
        path = request.url.path.removeprefix("/fhir/")
        self.asked.append(f"{path}?{request.url.query}" if request.url.query else path)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        left = self.fail.get(path)
        return Response(status_code=left.pop(0)) if left else None

    def _base(self) -> str:
        return self.elsewhere or self.url


@contextmanager
def running(server: FhirServer) -> Iterator[FhirServer]:
    """Serve on a free port of loopback until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
    service = uvicorn.Server(uvicorn.Config(server.app(), log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=service.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not service.started:
            time.sleep(0.005)
        yield server
    finally:
        service.should_exit = True
        thread.join()
        listening.close()
