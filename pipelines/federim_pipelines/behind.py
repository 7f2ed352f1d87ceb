"""Empty a spool into the lake behind who fills it, at moments that suit both."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from federim.model.errors import StorageFull, UserError
from federim_pipelines.accounting import RunReport
from federim_pipelines.deidentify.policy.files import DEFAULT
from federim_pipelines.spool import FILES_A_RUN, Spool

SECONDS_BETWEEN_LOOKS: Final = 1.0

# A study comes as hundreds of objects within a minute or two. To read it whole costs one commit, to read it
# as it trickles in costs many, each with small files; but who sends without pause must not wait for ever.
SECONDS_OF_QUIET: Final = 15.0
SECONDS_AT_MOST: Final = 300.0

SECONDS_BETWEEN_RESUMPTIONS: Final = 60.0  # of what waits for a key server that may be back


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """How the lake reads what has arrived: as `federim_pipelines.run.ingest` takes it."""

    policy: str | Path = DEFAULT
    issuer: str = ""
    test_identities: bool = False
    executor: Executor | None = None
    actor: str = "operator"

    def drain(self, spool: Spool) -> RunReport | None:
        """One run over what has arrived; None if nothing has."""
        return spool.drain(
            policy=self.policy,
            issuer=self.issuer,
            test_identities=self.test_identities,
            executor=self.executor,
            actor=self.actor,
        )

    def resume(self, spool: Spool) -> list[RunReport]:
        """The runs over what was parked, if the key server answers again."""
        return spool.resume(executor=self.executor, actor=self.actor).runs


class Patience:
    """Tells when what waits is to be read: it is many, or it is a while since the last came, or the first."""

    def __init__(self, quiet: float, longest: float = SECONDS_AT_MOST) -> None:
        self._quiet = quiet
        self._longest = longest
        self._count = 0
        self._first = self._last = 0.0

    def ends(self, count: int, now: float) -> bool:
        """Whether to read now, `count` objects waiting at `now` (seconds of any clock that does not jump)."""
        if self._count == 0:
            self._first = now
        if count != self._count:
            self._count, self._last = count, now
        if count == 0:
            return False
        return count >= FILES_A_RUN or now - self._last >= self._quiet or now - self._first >= self._longest

    def begin_again(self) -> None:
        """Something was read, or could not be: what waits now has just come."""
        self._count = 0


def drain_behind(
    spool: Spool,
    draining: Draining,
    stopped: Event,
    *,
    quiet: float = SECONDS_OF_QUIET,
    done: Callable[[RunReport], None],
    refused: Callable[[UserError], None],
) -> None:
    """Drain `spool` whenever it is time, until `stopped` is set.

    What waits for the key server is tried again from time to time, also where nothing arrives.

    Parameters
    ----------
    done : callable
        Told of each run.
    refused : callable
        Told why nothing can be read, such as that another run is writing: it is tried again. Told, once, as
        well when nothing more can be taken, as the disk is full.
    """
    patience = Patience(quiet)
    full = False
    resumed = time.monotonic() - SECONDS_BETWEEN_RESUMPTIONS
    while not stopped.wait(SECONDS_BETWEEN_LOOKS):
        full = _tell_if_full(spool, refused, before=full)
        now = time.monotonic()
        is_time = patience.ends(len(spool.waiting), now)
        try:
            if now - resumed >= SECONDS_BETWEEN_RESUMPTIONS:
                resumed = now
                for report in draining.resume(spool):
                    done(report)
            if is_time:
                patience.begin_again()
                if (drained := draining.drain(spool)) is not None:
                    done(drained)
        except UserError as error:
            refused(error)


def _tell_if_full(spool: Spool, refused: Callable[[UserError], None], *, before: bool) -> bool:
    """Whether the disk is full; told unless it was before."""
    try:
        spool.check_room()
    except StorageFull as error:
        if not before:
            refused(error)
        return True
    return False
