"""A hospital with a DRIMbox, its provider of tokens, and a site that may pull from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pydicom
from asgi_servers import Paper
from drimbox_source import DrimboxSource, Provider
from made_manifests import manifest

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.behind import Draining
from federim_pipelines.sources.drimbox.allow_list import AllowList, Source
from federim_pipelines.sources.drimbox.manifest import read_manifest
from federim_pipelines.sources.drimbox.pinned import pinned_context
from federim_pipelines.sources.drimbox.pull import Consumer, Followed
from federim_pipelines.sources.tls import client_tls
from federim_pipelines.sources.web.access import Access
from federim_pipelines.sources.web.server import Server
from federim_pipelines.sources.web.token import ClientCredentials

SERIES = {"1.2.3.1": ["1.2.3.1.1", "1.2.3.1.2"], "1.2.3.2": ["1.2.3.2.1"]}


@dataclass
class Hospital:
    """A hospital with a DRIMbox, and a site that may pull from it."""

    site: Home
    paper: Paper
    provider: Provider
    source: DrimboxSource
    url: str
    sources: Path  # the signed list
    runs: list[dict[str, object]] = field(default_factory=list)

    def stock(self, *contents: bytes) -> None:
        for content in contents:
            uid = pydicom.dcmread(BytesIO(content), stop_before_pixels=True).SOPInstanceUID
            (self.source.folder / f"{uid}.dcm").write_bytes(content)

    def publish(self, uid: str = "1.2.9.1", series: dict[str, list[str]] | None = None, **told: str) -> bytes:
        """A manifest of study 1.2.3, from now on the current one."""
        self.source.current["1.2.3"] = uid
        where = told if "location" in told else {"url": self.url, **told}
        return manifest({"1.2.3": series or SERIES}, uid=uid, **where)

    def follow(self, *contents: bytes, policy: str = "research") -> list[Followed]:
        """Have the site follow manifests."""
        allowed = AllowList.read(self.site, self.sources)
        tls = client_tls(authority=self.paper.certificate)
        auth = ClientCredentials(self.provider.url, *self.provider.client, tls)

        def connect(source: Source) -> Server:
            pinned = pinned_context(source.certificates, authority=self.paper.certificate)
            return Server(source.url, Access(auth=auth, tls=pinned), pauses=())

        with Consumer(self.site, allowed, connect, Draining(policy=policy)) as consumer:
            done = [consumer.follow(read_manifest(content)) for content in contents]
            self.runs = [drained.as_json() for drained in consumer.drained.values()]
        return done

    def instances_of(self, condition: str) -> int:
        """How many instances the site's lake has."""
        with connect_home(self.site) as connection:
            found = query(connection, f"SELECT count(*) AS n FROM instance WHERE {condition}", seconds=20)
        return int(found["n"][0].as_py())

    @property
    def instances(self) -> int:
        return self.instances_of("true")
