"""A key server of a consortium, listening on loopback, and sites that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from consortium_paper import Authority, Paper
from served_consortium import Consortium

from federim.identity.keyserver.founding import found
from federim.identity.keyserver.remote import RemoteKeyServer
from federim.identity.keyserver.tls import client_context


@pytest.fixture
def consortium(tmp_path: Path) -> Consortium:
    """A consortium whose key server does not listen yet."""
    folder = tmp_path / "key-server"
    return Consortium(Authority(tmp_path / "paper"), folder, found(folder).public)


@pytest.fixture
def served(consortium: Consortium) -> Iterator[Consortium]:
    """A consortium whose key server listens at `url`."""
    with consortium.serving() as url:
        consortium.url = url
        yield consortium


@pytest.fixture
def connect(served: Consortium) -> Iterator[Callable[..., RemoteKeyServer]]:
    """`connect(paper)` is the key server as the site that shows that paper sees it."""
    opened: list[RemoteKeyServer] = []

    def build(paper: Paper, **changed: object) -> RemoteKeyServer:
        tls = client_context(paper.certificate, paper.key, served.authority.certificate)
        told = {"url": served.url, "tls": tls, "trusted": [served.public]} | changed
        opened.append(RemoteKeyServer(**told))  # type: ignore[arg-type]
        return opened[-1]

    yield build
    for each in opened:
        each.close()
