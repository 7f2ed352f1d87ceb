"""Fetch the studies of a work list into the lake, one after the other, and go on where a pull was stopped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from federim.audit import trail
from federim.home import Home, Role
from federim.model.errors import LakeError
from federim_pipelines.accounting import RunReport
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Watch
from federim_pipelines.sources.ledger import Ledger
from federim_pipelines.sources.pacs.calling import Calling, NoAssociation
from federim_pipelines.sources.pacs.incoming import incoming
from federim_pipelines.sources.pacs.query import Study, by_day, studies
from federim_pipelines.sources.pacs.receiver import Listening, receiving
from federim_pipelines.sources.pacs.retrieve import Getting, Moving, Retrieving, Sent
from federim_pipelines.sources.pacs.throttle import Throttle
from federim_pipelines.sources.pacs.worklist import Way, WorkList
from federim_pipelines.spool import Spool

SPOOL: Final = "pacs"

# What waits in the spool is a copy of what the lake will hold: read it now and then, not only at the end.
OBJECTS_BETWEEN_RUNS: Final = 5_000

SECONDS_BEFORE_AGAIN: Final = (2.0, 10.0, 30.0)
FAILURES_IN_A_ROW: Final = 5  # of studies: the PACS, not the study, is the reason


@dataclass
class PullReport:
    """What a pull did: found = already + pulled + incomplete, in studies; the rest in images."""

    found: int = 0
    already: int = 0  # fetched by an earlier pull
    pulled: int = 0
    incomplete: int = 0  # to be tried again by the next pull
    images: int = 0  # sent by the PACS
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    runs: list[str] = field(default_factory=list)
    waiting: int = 0  # in the spool still, as another run was writing

    def add_run(self, run: RunReport) -> None:
        """Count what the lake made of a part."""
        self.runs.append(run.run)
        self.accepted += run.accepted
        self.duplicates += run.duplicates
        self.quarantined += run.quarantined

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON document."""
        return asdict(self)


def pull(home: Home, work: WorkList, calling: Calling, draining: Draining, watch: Watch) -> PullReport:
    """Fetch what `work` lists and is not here yet, and read it into the lake.

    A study counts as fetched once all of it is safe on the disk; one that fails is tried a few times, then
    left to the next pull.

    Raises
    ------
    NoAssociation
        The PACS cannot be asked, or failed for several studies in a row: it is to be left alone.
    InputError, LakeError, StorageFull
        As `receiver.receiving` and `Spool.drain`; what was fetched stays in the spool.
    """
    home.require(Role.SITE)
    spool = Spool(home, SPOOL)
    report = PullReport()
    try:
        _fetch(home, spool, work, calling, draining, report, watch)
    except NoAssociation:
        _drain_all(spool, draining, report)  # what came is kept, and need not wait for the next pull
        raise
    _drain_all(spool, draining, report)
    report.waiting = len(spool.waiting)
    trail.record(
        home,
        draining.actor,
        "pull.pacs",
        found=report.found,
        pulled=report.pulled,
        incomplete=report.incomplete,
        images=report.images,
    )
    return report


def _fetch(
    home: Home,
    spool: Spool,
    work: WorkList,
    calling: Calling,
    draining: Draining,
    report: PullReport,
    watch: Watch,
) -> None:
    watch.stage("studies")
    with Ledger(home) as ledger, _retrieving(home, spool, work, calling) as retrieve:
        failed = 0
        for study, sent in _fetched(_missing(work, calling, ledger, report), retrieve, work.throttle):
            watch.advance()
            spool.check_room()  # a PACS that we refuse for lack of it would look like one that fails
            report.images += sent.completed
            if sent.all_of(study):
                ledger.add(*_thing(study))
                report.pulled += 1
                failed = 0
            else:
                report.incomplete += 1
                failed = 0 if sent.completed else failed + 1
            if failed == FAILURES_IN_A_ROW:
                raise NoAssociation(
                    f"{calling.peer}: of {failed} studies in a row nothing was sent; ask who runs it, then "
                    "pull again: what was fetched is kept"
                )
            if len(spool.waiting) >= OBJECTS_BETWEEN_RUNS:
                _drain(spool, draining, report)


@contextmanager
def _retrieving(home: Home, spool: Spool, work: WorkList, calling: Calling) -> Iterator[Retrieving]:
    """The way the work list asks for, with what has to listen as long as it is used."""
    if work.way is Way.GET:
        with incoming(spool, lambda: None) as handlers:
            yield Getting(calling, handlers)
    elif work.port is None:
        yield Moving(calling, work.aet)
    else:
        listening = Listening(
            aet=work.aet, host=work.host, port=work.port, associations=work.throttle.associations + 1
        )
        with receiving(home, spool, listening):
            yield Moving(calling, work.aet)


def _missing(work: WorkList, calling: Calling, ledger: Ledger, report: PullReport) -> Iterator[Study]:
    """The studies that match and are not here, each once."""
    seen: set[str] = set()
    for query in work.queries:
        for part in by_day(query):
            work.throttle.wait_until_open()
            for study in list(studies(calling, part)):  # at once: a PACS does not wait while we fetch
                if study.uid in seen:
                    continue
                seen.add(study.uid)
                report.found += 1
                if ledger.has(*_thing(study)):
                    report.already += 1
                else:
                    yield study


def _fetched(
    missing: Iterator[Study], retrieve: Retrieving, throttle: Throttle
) -> Iterator[tuple[Study, Sent]]:
    """Each study with what came of it, in order, at most as many on their way as the throttle allows."""
    stopped = threading.Event()
    with ThreadPoolExecutor(throttle.associations, thread_name_prefix="pull") as threads:
        on_their_way: deque[tuple[Study, Future[Sent]]] = deque()
        try:
            for study in missing:
                throttle.wait()
                on_their_way.append((study, threads.submit(_patiently, retrieve, study, stopped)))
                if len(on_their_way) >= throttle.associations:
                    first, future = on_their_way.popleft()
                    yield first, future.result()
            for first, future in on_their_way:
                yield first, future.result()
        finally:
            stopped.set()


def _patiently(retrieve: Retrieving, study: Study, stopped: threading.Event) -> Sent:
    """What came of a study, tried again as often as it is worth, and not once the pull is stopped."""
    for seconds in (*SECONDS_BEFORE_AGAIN, 0.0):
        try:
            return retrieve(study)
        except NoAssociation:
            if stopped.wait(seconds):
                break
    return Sent(completed=0, failed=study.instances or 1)


def _thing(study: Study) -> tuple[str, ...]:
    """What the ledger knows a study by: with another number of instances it is another thing."""
    return ("pacs", study.uid, str(study.instances))


def _drain_all(spool: Spool, draining: Draining, report: PullReport) -> None:
    while _drain(spool, draining, report):
        pass


def _drain(spool: Spool, draining: Draining, report: PullReport) -> bool:
    """Read a part into the lake; whether there was one, and nobody else was writing."""
    try:
        run = draining.drain(spool)
    except LakeError:
        return False
    if run is not None:
        report.add_run(run)
    return run is not None
