"""Read what was parked once the key server answers again, and take out of the lot what the lake has then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.keyserver import open_key_server
from federim.lake.tables import Lake, LakeWriter
from federim.model.errors import InputError, KeyServerAway, UnknownName, VerificationFailed
from federim_pipelines.accounting import RunReport
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.first_pass import Known, learn_everybody
from federim_pipelines.parked.inputs import ParkedInputs
from federim_pipelines.parked.lot import Bay, ParkingLot
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.review import Review
from federim_pipelines.running import carry_out
from federim_pipelines.sources.mapping import load_mapping
from federim_pipelines.worker import Task, opened

PIECES_A_RUN: Final = 10_000  # as `spool.FILES_A_RUN`, and for the same reason

DAMAGED: Final = "changed, or sealed under another root key; restore keys/root.key from the site's backup"

# A bay that cannot be read must not keep the others, or new input, from being read.
_STUCK = (InputError, UnknownName, VerificationFailed)


@dataclass
class Resumed:
    """What resuming came to."""

    away: bool = False  # the key server did not answer, or no more
    runs: list[RunReport] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)  # why pieces could not be read, bay by bay

    @property
    def pieces(self) -> int:
        """How many pieces wait no longer."""
        return sum(run.read + run.ignored - run.parked for run in self.runs)


def resume(
    home: Home,
    *,
    executor: Executor | None = None,
    progress: Watch | None = None,
    actor: str = "operator",
) -> Resumed:
    """Read what is parked, if anything is and the key server answers; runs are as `running.carry_out`'s.

    A piece goes once the lake has it, moves to `refused` if the lake refuses any of it, and stays if any of
    it waits still. Killed anywhere, it is read again and adds nothing twice.

    Raises
    ------
    LakeError
        Another run is writing.
    StorageFull
        The disk is full; what was committed stays.
    """
    lot = ParkingLot(home)
    if lot.is_empty:
        return Resumed()
    if not _answers(home):
        return Resumed(away=True)
    resumed = Resumed()
    with Lake(home).writing() as writer:
        lot.tidy()
        _Resuming(home, writer, executor, progress or Silence(), actor).all_of(lot, resumed)
    return resumed


class _Resuming:
    """One attempt, with the lake's writer in hand."""

    def __init__(
        self, home: Home, writer: LakeWriter, executor: Executor | None, watch: Watch, actor: str
    ) -> None:
        self._home = home
        self._writer = writer
        self._executor = executor
        self._watch = watch
        self._actor = actor
        self._now = dt.datetime.now(dt.UTC)
        with Review(home) as review:
            self._denied = review.rejected

    def all_of(self, lot: ParkingLot, resumed: Resumed) -> None:
        """Learn everybody first: images of a person may wait on other terms than the records naming them."""
        bays = []
        learned = 0
        self._watch.stage("parked patients")
        for bay in lot.bays():
            if bay.is_empty:
                continue
            try:
                if not resumed.away:
                    known = self._learn(bay)
                    learned += known.learned
                    resumed.away = known.away
            except _STUCK as error:
                resumed.stuck.append(str(error))
            else:
                bays.append(bay)
            if damaged := bay.damaged:
                resumed.stuck.append(f"{damaged} parked pieces: {DAMAGED}")
        if resumed.away and not learned:
            return
        if not resumed.away:
            with Exchange.open(self._home) as exchange:
                exchange.stop_waiting()
        for bay in bays:
            self._read(bay, resumed)

    def _learn(self, bay: Bay) -> Known:
        with self._inputs(bay, most=0) as (task, inputs):
            home = opened(self._home.root, test_identities=task.test_identities)
            return learn_everybody(home, inputs, self._watch, until_away=True)

    def _read(self, bay: Bay, resumed: Resumed) -> None:
        while True:
            with self._inputs(bay, most=PIECES_A_RUN) as (task, inputs):
                if not inputs.files:
                    return
                report = carry_out(
                    self._home,
                    self._writer,
                    inputs,
                    task,
                    bay=bay,
                    executor=self._executor,
                    settled=bay.settle,
                    watch=self._watch,
                    actor=self._actor,
                    known=Known(),
                )
            resumed.runs.append(report)
            if report.records.parked:
                resumed.away = True
                return

    @contextmanager
    def _inputs(self, bay: Bay, *, most: int) -> Iterator[tuple[Task, ParkedInputs]]:
        with bay.terms.task(self._home, year=self._now.year, denied=self._denied) as task:
            mapping = None if task.mapping is None else load_mapping(task.mapping)
            load_policy(task.policy, dispositions=task.dispositions, denied=task.denied)
            yield task, ParkedInputs(self._home, bay, mapping, most=most)


def _answers(home: Home) -> bool:
    server = open_key_server(home)
    try:
        server.epochs()
    except KeyServerAway:
        return False
    finally:
        server.close()
    return True
