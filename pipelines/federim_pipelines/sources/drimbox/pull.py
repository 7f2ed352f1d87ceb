"""Follow KOS manifests: retrieve what they name, and take back what they do not name any more."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from federim.audit import trail
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.model.errors import IdentityError, KeyServerAway, Opposed, VaultError
from federim.model.identifiers import PatientIdentity
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.sources.dicomweb.retrieve import Retrieval
from federim_pipelines.sources.drimbox.allow_list import AllowList, Source
from federim_pipelines.sources.drimbox.consumer import Ending, ending_of, ends, headers_for
from federim_pipelines.sources.drimbox.history import History
from federim_pipelines.sources.drimbox.linking import Link
from federim_pipelines.sources.drimbox.manifest import Manifest, SeriesReference
from federim_pipelines.sources.ledger import Ledger
from federim_pipelines.sources.web.drained import STAGE, Drained
from federim_pipelines.sources.web.server import Answered, Server, Unreachable
from federim_pipelines.spool import Spool
from federim_pipelines.withdrawal import named, withdraw
from federim_pipelines.worker import opened

Connect = Callable[[Source], Server]
"""Opens the server of a source: its certificate pinned, a token shown with every request."""

NO_IDENTITY: Final = "PatientID (0010,0020) or its issuer: no patient, or an INS that is not taken here"
AWAY: Final = "the key server is away, and the patient not known yet: show the manifest again later"
OPPOSED: Final = "the person objects to the use of their data for research"
SUPERSEDED: Final = "a later manifest of the study was followed"


@dataclass
class Followed:
    """What following one manifest did."""

    refused: str = ""  # why it was not followed at all
    endings: Counter[Ending] = field(default_factory=Counter)  # of its series
    instances: int = 0  # that came
    unnamed: int = 0  # more that the source sent, and nothing kept
    unlinked: int = 0  # of those that came, the ones that stay their local patient's; see `linking.Link`
    withdrawn: int = 0  # instances that left the lake

    def as_json(self) -> dict[str, Any]:
        """The counts, series by how they ended."""
        return {
            "refused": self.refused or None,
            "series": {ending.value: count for ending, count in sorted(self.endings.items())},
            "instances": self.instances,
            "unnamed": self.unnamed,
            "unlinked": self.unlinked,
            "withdrawn": self.withdrawn,
        }


@dataclass
class _Channel:
    """What is open towards one source."""

    source: Source
    server: Server
    spool: Spool
    drained: Drained
    silent: Ending | None = None  # how every further request would end as well


class Consumer:
    """A DRIMbox consumer for one home, its connections kept from manifest to manifest.

    Parameters
    ----------
    draining : Draining
        How what arrives is ingested, its `issuer` apart: patient numbers are the source's.
    """

    def __init__(
        self,
        home: Home,
        sources: AllowList,
        connect: Connect,
        draining: Draining,
        progress: Watch | None = None,
    ) -> None:
        self._home = home.require(Role.SITE)
        self._sources = sources
        self._connect = connect
        self._draining = draining
        self._watch = progress or Silence()
        self._channels: dict[str, _Channel] = {}
        self._open = ExitStack()
        self._ledger = self._open.enter_context(Ledger(home))
        self._history = self._open.enter_context(History(home))
        tested = opened(home.root, test_identities=draining.test_identities)
        self._exchange = self._open.enter_context(Exchange.open(tested))
        self._watch.stage(STAGE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def drained(self) -> Mapping[str, Drained]:
        """What was ingested, by source."""
        return {name: channel.drained for name, channel in self._channels.items()}

    def follow(self, manifest: Manifest) -> Followed:
        """Do what one manifest says: retrieve, replace or withdraw; what came is ingested before the end.

        Raises
        ------
        LakeError, StorageFull
            As `federim_pipelines.run.ingest`; the same manifest again goes on from there.
        """
        done = Followed()
        if manifest.identity is None:
            return replace(done, refused=NO_IDENTITY)
        try:
            subject = self._exchange.learn(manifest.identity)
        except VaultError:
            raise
        except IdentityError:
            return replace(done, refused=NO_IDENTITY)
        except KeyServerAway:
            return replace(done, refused=AWAY)
        except Opposed:
            return replace(done, refused=OPPOSED)
        if self._history.superseded(manifest):
            return replace(done, refused=SUPERSEDED)
        names = named(self._home, subject, manifest.instances)
        taken_back = names
        if not manifest.rejects:
            taken_back = self._history.taken_back(manifest, names)
            # Before anything is asked for: what arrives must be known to a later manifest, come what may.
            self._history.remember(manifest, names, subject.person_id)
            self._retrieve(manifest, manifest.identity, done)
        if taken_back:
            done.withdrawn = withdraw(self._home, subject, taken_back, actor=self._draining.actor).instances
            self._history.forget(taken_back)
        trail.record(
            self._home,
            self._draining.actor,
            "pull.drimbox",
            series=done.endings.total(),
            instances=done.instances,
            withdrawn=done.withdrawn,
        )
        return done

    def _retrieve(self, manifest: Manifest, identity: PatientIdentity, done: Followed) -> None:
        headers = headers_for(manifest.SOPInstanceUID)
        with ExitStack() as used:
            for study in manifest.studies:
                for series in study.series:
                    located = self._sources.locate(study.StudyInstanceUID, series)
                    if located is None:
                        done.endings[Ending.NOT_ALLOWED] += 1
                        continue
                    channel = self._channel(located[0])
                    used.enter_context(channel.drained)
                    asked = _Asked(identity, study.StudyInstanceUID, series, located[1], headers)
                    done.endings[self._series(channel, asked, done)] += 1

    def _series(self, channel: _Channel, asked: _Asked, done: Followed) -> Ending:
        if self._ledger.has(*asked.thing(channel.source)):
            return Ending.KNOWN
        if channel.silent is not None:
            return channel.silent
        wanted = frozenset(asked.series.instances)
        link = Link(self._exchange, asked.identity, issuer=channel.source.issuer)
        retrieval = Retrieval(
            channel.server, channel.spool, self._watch, headers=asked.headers, look=link, only=wanted
        )
        try:
            brought = retrieval.series(asked.url, lambda: wanted)
        except (Answered, Unreachable) as error:
            ending = ending_of(error)
            channel.silent = ending if ends(ending) else None
        else:
            ending = Ending.RETRIEVED if brought >= wanted else Ending.INCOMPLETE
        if ending is Ending.RETRIEVED:
            self._ledger.add(*asked.thing(channel.source))
        done.instances += retrieval.arrived
        done.unnamed += retrieval.passed_over
        done.unlinked += link.unlinked
        channel.drained.step(retrieval.arrived)
        return ending

    def _channel(self, source: Source) -> _Channel:
        channel = self._channels.get(source.name)
        if channel is None:
            server = self._open.enter_context(self._connect(source))
            spool = Spool(self._home, f"drimbox-{source.name}")
            drained = Drained(spool, replace(self._draining, issuer=source.issuer), self._watch)
            channel = self._channels[source.name] = _Channel(source, server, spool, drained)
        return channel


@dataclass(frozen=True, slots=True)
class _Asked:
    """One series of a manifest, and where it is."""

    identity: PatientIdentity
    study: str
    series: SeriesReference
    url: str
    headers: Mapping[str, str]

    def thing(self, source: Source) -> tuple[str, ...]:
        """What the ledger knows it by: with other instances it is another thing."""
        instances = hashlib.sha256("\n".join(sorted(self.series.instances)).encode()).hexdigest()
        return ("drimbox", source.name, self.study, self.series.SeriesInstanceUID, instances)
