"""Pull all studies that match a query from a DICOMweb server into the lake, and none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from federim.audit import trail
from federim.home import Home, Role
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.sources.dicomweb.retrieve import Retrieval
from federim_pipelines.sources.dicomweb.search import Found, Search
from federim_pipelines.sources.ledger import Ledger
from federim_pipelines.sources.web.drained import STAGE, Drained
from federim_pipelines.sources.web.server import Answered, Server
from federim_pipelines.spool import Spool

SPOOL: Final = "dicomweb"
_ENDS_THE_PULL: Final = (401, 403)  # the next series would be refused as well


@dataclass
class Pulled:
    """What a pull did.

    Of `series`, those `known` came with an earlier pull; a series that is `incomplete` or `refused` (by
    status) is asked for again by the next.
    """

    studies: int = 0
    series: int = 0
    known: int = 0
    incomplete: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    instances: int = 0

    def as_json(self) -> dict[str, Any]:
        """The counts; `refused` by HTTP status."""
        return {
            "studies": self.studies,
            "series": self.series,
            "known": self.known,
            "incomplete": self.incomplete,
            "refused": {str(status): count for status, count in sorted(self.refused.items())},
            "instances": self.instances,
        }


def pull(
    home: Home,
    server: Server,
    query: Mapping[str, str],
    *,
    draining: Draining,
    progress: Watch | None = None,
) -> tuple[Pulled, Drained]:
    """Search, retrieve what no earlier pull brought, and ingest it.

    A pull that is stopped leaves every whole object in the spool, and the next one goes on from there. A
    series that has grown since is retrieved again, if the server tells how many instances it has.

    Parameters
    ----------
    query : mapping
        From `search.parse_query`.
    draining : Draining
        How what arrived is ingested, and who acts.

    Raises
    ------
    Answered
        The server does not know who asks (401, 403), or does not search.
    Unreachable
        It cannot be reached any more. What arrived was ingested first.
    LakeError, StorageFull, InputError
        As `federim_pipelines.run.ingest`.
    """
    home.require(Role.SITE)
    watch = progress or Silence()
    spool = Spool(home, SPOOL)
    done = Pulled()
    drained = Drained(spool, draining, watch)
    trail.record(home, draining.actor, "pull.start", source=SPOOL)
    with Ledger(home) as ledger, drained:
        passage = _Passage(server, Search(server), Retrieval(server, spool, watch), ledger, done, drained)
        watch.stage(STAGE)
        for study in passage.search.studies(query):
            passage.study(study)
        done.instances = passage.retrieval.arrived
    trail.record(home, draining.actor, "pull.end", source=SPOOL, series=done.series, instances=done.instances)
    return done, drained


@dataclass(frozen=True)
class _Passage:
    """All that is open while a pull goes on."""

    server: Server
    search: Search
    retrieval: Retrieval
    ledger: Ledger
    done: Pulled
    drained: Drained

    def study(self, study: Found) -> None:
        thing = (str(self.server.url), study.uid, str(study.instances))
        self.done.studies += 1
        if study.instances is not None and self.ledger.has(*thing):
            return
        whole = [self._series(study.uid, series) for series in self.search.series(study.uid)]
        if all(whole):
            self.ledger.add(*thing)

    def _series(self, study: str, series: Found) -> bool:
        """Bring one series; whether all of it is here."""
        thing = (str(self.server.url), study, series.uid, str(series.instances))
        self.done.series += 1
        if self.ledger.has(*thing):
            self.done.known += 1
            return True
        url = self.server.under(f"studies/{study}/series/{series.uid}")
        try:
            brought = self.retrieval.series(url, lambda: self.search.instances(study, series.uid))
        except Answered as error:
            if error.status in _ENDS_THE_PULL or error.passing:
                raise
            self.done.refused[error.status] += 1
            return False
        whole = bool(brought) and (series.instances is None or len(brought) >= series.instances)
        if whole:
            self.ledger.add(*thing)
        else:
            self.done.incomplete += 1
        self.drained.step(len(brought))
        return whole
