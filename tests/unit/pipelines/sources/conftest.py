"""Servers to pull from, each on loopback for the length of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from asgi_servers import Paper, Serve, make_paper, serving
from dicomweb_store import Store
from starlette.applications import Starlette

from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Server


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(app)` is the address of a real server; `serve(app, paper)` one over TLS."""
    with ExitStack() as running:

        def start(app: Starlette, paper: Paper | None = None) -> str:
            return running.enter_context(serving(app, paper))

        yield start


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    """What a server on loopback shows of itself."""
    return make_paper(tmp_path, "server")


@pytest.fixture
def store() -> Store:
    """A DICOMweb server's content and manners; `connect(store)` serves it."""
    return Store()


@pytest.fixture
def waits() -> list[float]:
    """The pauses a client made, none of which took any time."""
    return []


@pytest.fixture
def connect(serve: Serve, waits: list[float]) -> Iterator[Callable[..., Server]]:
    """`connect(store)` serves it, and gives a client that is patient four times, without waiting."""
    with ExitStack() as running:

        def build(store: Store, access: Access | None = None) -> Server:
            address = serve(store.app())
            server = Server(f"{address}/rs", access or Access(), pauses=(1, 2, 3), wait=waits.append)
            return running.enter_context(server)

        yield build
