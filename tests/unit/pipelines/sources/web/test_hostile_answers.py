"""An answer that is not what was asked for is neither unpacked, nor held in memory, nor asked for again."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from asgi_servers import Serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from federim.model.errors import InputError
from federim_pipelines.sources.web import server as web
from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Server, Unreachable


def endless(_: Request) -> Response:
    def blocks() -> Iterator[bytes]:
        while True:
            yield b" " * 65536

    return StreamingResponse(blocks(), media_type="application/json")


def packed(_: Request) -> Response:
    body = gzip.compress(b"{}")
    return Response(body, headers={"Content-Encoding": "gzip"}, media_type="application/json")


def portal(_: Request) -> Response:
    return Response("{}", media_type="text/html")


@pytest.mark.parametrize("answer", [endless, packed, portal])
def test_it_is_said_at_once(serve: Serve, waits: list[float], answer: object) -> None:
    app = Starlette(routes=[Route("/thing", answer)])  # type: ignore[arg-type]
    with (
        pytest.MonkeyPatch.context() as patch,
        Server(serve(app), Access(), pauses=(1,), wait=waits.append) as server,
        pytest.raises(Unreachable, match="something else than that; check the URL"),
    ):
        patch.setattr(web, "LARGEST_DOCUMENT", 1 << 18)
        server.json("a thing", "thing", {}, "application/json")
    assert waits == []


def test_no_password_stands_in_a_url() -> None:
    with pytest.raises(InputError, match="give a token's file") as error:
        Server("https://somebody:s3cret@pacs.example/rs", Access())
    assert "s3cret" not in str(error.value)
