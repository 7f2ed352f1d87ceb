"""Pull what changed on a FHIR server into the lake: by bulk export, else page by page."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from federim.audit import trail
from federim.home import Home, Role
from federim.model.errors import InputError, UnknownName
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.sources.fhir import bulk, search
from federim_pipelines.sources.fhir.checkpoint import Checkpoint, Position
from federim_pipelines.sources.fhir.kinds import KINDS
from federim_pipelines.sources.fhir.named_codes import NAMED
from federim_pipelines.sources.web.drained import Drained
from federim_pipelines.sources.web.server import Answered, Server
from federim_pipelines.spool import Spool

SPOOL: Final = "fhir"
ALL: Final = ("Patient", *NAMED, *KINDS)  # persons first: nobody else is known
BYTES_A_DRAIN: Final = 1 << 30

# What is committed as a page is made may bear an earlier instant; to read it twice costs nothing.
OVERLAP: Final = dt.timedelta(minutes=5)

_GONE: Final = (404, 410)
_WHO_ASKS: Final = (401, 403)
_STAGE: Final = "from the server"


@dataclass
class Pulled:
    """What a pull did."""

    how: str = ""  # "export" or "search"
    since: str = ""  # what changed from then on was asked for; "" is everything
    until: str = ""  # the next pull begins there
    resumed: bool = False
    objects: int = 0  # files of an export, pages of a search
    bytes: int = 0
    problems: int = 0  # files of errors an export made: the server could not give all that was asked

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def check_kinds(told: Sequence[str]) -> tuple[str, ...]:
    """Kinds of resources in the order they are pulled; all that the lake has tables for if none is told.

    Raises
    ------
    UnknownName
        The lake has no table for one.
    """
    for kind in told:
        if kind not in ALL:
            raise UnknownName("FHIR resource the lake reads", kind, ALL)
    return tuple(kind for kind in ALL if kind in told) or ALL


def check_instant(text: str) -> str:
    """An instant as FHIR writes it, from one a person wrote; without a time zone it is of UTC.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InputError("--since: expected an instant such as 2026-01-31T00:00:00Z") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)).isoformat()


def pull(
    home: Home,
    server: Server,
    kinds: Sequence[str],
    *,
    group: str = "",
    since: str | None = None,
    draining: Draining,
    progress: Watch | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[Pulled, Drained]:
    """Fetch what changed since the last pull that ended, and ingest it.

    One that is stopped leaves every whole file or page in the spool, and the next goes on from there.
    What was deleted on the server leaves the lake only where an export tells it.

    Parameters
    ----------
    kinds : sequence of str
        From `check_kinds`.
    group : str
        Id of a Group on the server whose patients are meant; "" is all.
    since : str
        An instant instead of the last pull's; "" is everything again.

    Raises
    ------
    Answered, Unreachable
        As `Server.patiently`. What arrived was ingested first.
    InputError
        A group is asked of a server that exports nothing, or an address is another server's.
    LakeError, StorageFull
        As `federim_pipelines.run.ingest`.
    """
    home.require(Role.SITE)
    checkpoint = Checkpoint.open(home, str(server.url), ",".join(kinds), group)
    spool = Spool(home, SPOOL)
    drained = Drained(spool, draining, progress or Silence())
    trail.record(home, draining.actor, "pull.start", source=SPOOL)
    passage = _Passage(server, tuple(kinds), group, checkpoint, spool, drained, wait, Pulled())
    with drained:
        passage.go(since)
    done = passage.done
    trail.record(home, draining.actor, "pull.end", source=SPOOL, objects=done.objects)
    return done, drained


@dataclass
class _Passage:
    """All that is open while a pull goes on."""

    server: Server
    kinds: tuple[str, ...]
    group: str
    checkpoint: Checkpoint
    spool: Spool
    drained: Drained
    wait: Callable[[float], None]
    done: Pulled
    _waiting: int = 0  # bytes in the spool

    def go(self, since: str | None) -> None:
        """Go on where a pull is under way, unless another beginning is asked for."""
        self.drained.watch.stage(_STAGE)
        begun = self.checkpoint.position
        if begun is not None and since in (None, begun.since):
            self.done.resumed = True
            try:
                self._to_the_end(begun)
            except Answered as error:
                if error.status not in _GONE:
                    raise
                # Exports and pages are kept for some hours.
                self.done.resumed = False
            else:
                return
        self._to_the_end(self._begin(self.checkpoint.covered if since is None else since))

    def _begin(self, since: str) -> Position:
        try:
            place = bulk.begin(self.server, self.kinds, since, self.group)
        except Answered as error:
            if error.status not in bulk.NO_EXPORT:
                raise
            place = ""
        if place:
            return self.checkpoint.at(Position(since=since, export=place))
        if self.group:
            raise InputError(
                f"{self.server.host} has no bulk export of that group; check the group's id, or leave it "
                "out: a server without exports is searched for everybody"
            )
        return self.checkpoint.at(Position(since=since, kinds=self.kinds))

    def _to_the_end(self, position: Position) -> None:
        self.done.since = position.since
        self.done.how = "search" if position.kinds else "export"
        if position.export:
            position = self._await(position)
        while position.files:
            position = self._file(position)
        while position.kinds:
            position = self._page(position)
        self.done.until = position.until
        self.checkpoint.finish()

    def _await(self, position: Position) -> Position:
        try:
            made = bulk.wait_for(self.server, position.export, self.wait)
        except Answered as error:
            if not error.passing and error.status not in _WHO_ASKS:
                self.checkpoint.forget()  # an export that failed, or is gone, is never had
            raise
        self.done.problems = made.problems
        return self.checkpoint.advance(export="", until=made.until, files=made.files, is_open=made.is_open)

    def _file(self, position: Position) -> Position:
        url, *left = position.files
        name = self.spool.named(str(self.server.url), position.until, url, suffix=".ndjson")
        self._arrived(bulk.fetch(self.server, url, position.is_open, self.spool, name))
        return self.checkpoint.advance(files=tuple(left))

    def _page(self, position: Position) -> Position:
        kind, *left = position.kinds
        url = position.page or search.first(self.server, kind, position.since)
        page = search.page(self.server, kind, url)
        if page.entries:
            with self.spool.writing(self.spool.named(str(self.server.url), url, suffix=".json")) as file:
                file.write(page.content)
            self._arrived(len(page.content))
        until = position.until or (page.at - OVERLAP).isoformat(timespec="seconds")
        if page.next:
            return self.checkpoint.advance(until=until, page=page.next)
        if kind == "Patient" or kind in NAMED:
            self._drain()  # whom and what the following mention is known before they are read
        return self.checkpoint.advance(until=until, page="", kinds=tuple(left))

    def _arrived(self, size: int) -> None:
        self.done.objects += 1
        self.done.bytes += size
        self.drained.watch.advance()
        self._waiting += size
        if self._waiting >= BYTES_A_DRAIN:
            self._drain()

    def _drain(self) -> None:
        self.drained.finish()
        self.drained.watch.stage(_STAGE)
        self._waiting = 0
