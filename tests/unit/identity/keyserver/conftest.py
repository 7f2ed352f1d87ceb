"""A key server of a consortium, listening on loopback, and sites that ask it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from consortium_paper import Authority, Paper

from federim.identity.keyserver.founding import found
from federim.identity.keyserver.remote import RemoteKeyServer
from federim.identity.keyserver.serve import Listening, listening
from federim.identity.keyserver.sites import Site, SiteList, fingerprint_of
from federim.identity.keyserver.tls import client_context


@dataclass
class Consortium:
    """An authority, and a key server's folder whose key the sites have compared."""

    authority: Authority
    folder: Path
    public: bytes
    url: str = ""

    def site(self, name: str = "alpha", patients: int = 100_000, **limits: int) -> Paper:
        """A site on the list, and the paper it shows."""
        paper = self.authority.paper(name)
        SiteList(self.folder).add(Site.of_size(name, patients, **limits), fingerprint_of(paper.certificate))
        return paper

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The key server's address as long as it listens."""
        own = self.authority.paper("key-server")
        where = Listening(
            host="127.0.0.1",
            port=0,
            certificate=own.certificate,
            key=own.key,
            authority=self.authority.certificate,
            alarm_file=self.folder / "alarms.jsonl",
        )
        with listening(self.folder, where) as server:
            thread = threading.Thread(target=server.run)
            thread.start()
            try:
                yield f"https://127.0.0.1:{server.port}"
            finally:
                server.should_exit = True
                thread.join()


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
