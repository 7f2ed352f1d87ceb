"""A consortium's key server, which listens on loopback as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from consortium_paper import Authority, Paper

from federim.identity.keyserver.serve import Listening, listening
from federim.identity.keyserver.sites import Site, SiteList, fingerprint_of


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
