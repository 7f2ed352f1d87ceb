"""A series comes whole, whatever breaks on the way, and never lies whole in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest
from asgi_servers import Serve
from dicomweb_store import Store, scan
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from federim.home import Home
from federim_pipelines.progress import Silence
from federim_pipelines.sources.dicomweb.retrieve import Retrieval
from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Answered, Server, Unreachable
from federim_pipelines.spool import Spool

Connect = Callable[..., Server]
NAMES = [f"1.2.3.1.{number}" for number in range(1, 6)]


@pytest.fixture
def spool(site: Home) -> Spool:
    return Spool(site, "dicomweb")


@pytest.fixture
def full(store: Store) -> Store:
    store.add(*(scan(name) for name in NAMES))
    return store


def bring(server: Server, spool: Spool) -> frozenset[str]:
    url = server.under("studies/1.2.3/series/1.2.3.1")
    return Retrieval(server, spool, Silence()).series(url, lambda: NAMES)


def test_a_series_comes_in_one_request(full: Store, connect: Connect, spool: Spool) -> None:
    assert bring(connect(full), spool) == frozenset(NAMES)
    assert full.retrievals == ["1.2.3.1"]
    assert sorted(spool.waiting) == sorted(spool.named(name) for name in NAMES)


def test_where_it_breaks_off_only_what_lacks_is_asked_for(
    full: Store, connect: Connect, spool: Spool, waits: list[float]
) -> None:
    full.breaks = [2, None, 0, None, None]
    assert bring(connect(full), spool) == frozenset(NAMES)
    assert full.retrievals == [
        "1.2.3.1",
        *(f"1.2.3.1/instances/{name}" for name in (NAMES[2], NAMES[3], NAMES[3], NAMES[4])),
    ]
    assert len(spool.waiting) == len(NAMES)
    assert waits == [1, 2]


def test_a_server_that_gives_no_single_instances_is_asked_for_the_series_again(
    full: Store, connect: Connect, spool: Spool
) -> None:
    full.breaks, full.single = [3], False
    assert bring(connect(full), spool) == frozenset(NAMES)
    assert full.retrievals == ["1.2.3.1", f"1.2.3.1/instances/{NAMES[3]}", "1.2.3.1"]
    assert len(spool.waiting) == len(NAMES)


def test_a_busy_server_is_waited_for_and_then_no_more(
    full: Store, connect: Connect, spool: Spool, waits: list[float]
) -> None:
    full.statuses = [503, 429]
    server = connect(full)
    assert bring(server, spool) == frozenset(NAMES)
    assert waits == [1, 2]
    full.statuses = [503] * 4
    with pytest.raises(Answered, match="answered 503 to a series"):
        bring(server, spool)


def test_a_connection_that_always_breaks_leaves_what_is_whole(
    full: Store, connect: Connect, spool: Spool
) -> None:
    full.breaks = [1, 0, 0, 0]
    with pytest.raises(Unreachable, match="failed 4 times"):
        bring(connect(full), spool)
    assert spool.waiting == [spool.named(NAMES[0])]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 500])
def test_a_refusal_is_not_asked_again(full: Store, connect: Connect, spool: Spool, status: int) -> None:
    full.statuses = [status]
    with pytest.raises(Answered, match=f"answered {status}"):
        bring(connect(full), spool)
    assert full.retrievals == ["1.2.3.1"]


def test_an_object_without_file_meta_is_kept_for_the_lake_to_judge(serve: Serve, spool: Spool) -> None:
    def app() -> Starlette:
        body = b"--b\r\n\r\nno DICOM\r\n--b--\r\n"
        kind = "multipart/related; boundary=b"
        return Starlette(routes=[Route("/{any:path}", lambda _: StreamingResponse([body], media_type=kind))])

    with Server(serve(app()), Access(), pauses=()) as server:
        found = Retrieval(server, spool, Silence()).series(server.under("studies/1/series/2"), list)
    assert len(found) == len(spool.waiting) == 1


def test_what_was_not_named_is_not_kept(full: Store, connect: Connect, spool: Spool) -> None:
    server = connect(full)
    retrieval = Retrieval(server, spool, Silence(), only=frozenset(NAMES[:2]))
    found = retrieval.series(server.under("studies/1.2.3/series/1.2.3.1"), list)
    assert found == frozenset(NAMES[:2])
    assert (retrieval.arrived, retrieval.passed_over) == (2, 3)
    assert len(spool.waiting) == 2


def test_memory_does_not_grow_with_an_object(serve: Serve, spool: Spool) -> None:
    size, block = 96 << 20, bytes(1 << 16)

    async def body() -> AsyncIterator[bytes]:
        yield b"--b\r\n\r\n" + scan("1.2.3.1.1")
        for _ in range(size // len(block)):
            yield block
        yield b"\r\n--b--\r\n"

    def app() -> Starlette:
        kind = "multipart/related; boundary=b"
        return Starlette(routes=[Route("/{any:path}", lambda _: StreamingResponse(body(), media_type=kind))])

    with Server(serve(app()), Access(), pauses=()) as server:
        tracemalloc.start()
        try:
            Retrieval(server, spool, Silence()).series(server.under("studies/1/series/2"), list)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (spool._arrived / spool.waiting[0]).stat().st_size > size
    assert peak < size // 4
