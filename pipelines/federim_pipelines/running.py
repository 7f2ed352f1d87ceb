"""Carry out one run: have its input read, take what is new into the lake, and say what happened."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Iterator, Sized
from concurrent.futures import Executor
from typing import Protocol

from federim import __version__
from federim.audit import trail
from federim.home import Home
from federim.lake.tables import LakeWriter
from federim_pipelines import volumes
from federim_pipelines.accounting import RunReport
from federim_pipelines.batches import in_batches
from federim_pipelines.crew import Crew
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.intake import Intake
from federim_pipelines.items import Fate, Item
from federim_pipelines.parked.lot import Bay
from federim_pipelines.progress import Watch
from federim_pipelines.review import Review
from federim_pipelines.settling import Naming, Settled
from federim_pipelines.worker import Task


class Input(Naming, Protocol):
    """What a run reads."""

    ignored: int
    """Files passed over, as indexes of others."""

    @property
    def files(self) -> Sized:
        """All of them."""

    def items(self) -> Iterator[Item]:
        """Every piece of them, those of one file together."""


def carry_out(
    home: Home,
    writer: LakeWriter,
    inputs: Input,
    task: Task,
    *,
    bay: Bay,
    executor: Executor | None,
    settled: Settled | None,
    watch: Watch,
    actor: str,
    registers: int = 0,
) -> RunReport:
    """Read `inputs`, whose persons are known (`first_pass`), into the lake, as one run of its own.

    Parameters
    ----------
    bay : Bay
        Where items wait of which something is about a person whose token cannot be had.
    registers : int
        For the report.

    Raises
    ------
    StorageFull
        The disk is full; what was committed stays.
    """
    started, clock = dt.datetime.now(dt.UTC).replace(tzinfo=None), time.monotonic()
    run_id = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    policy = load_policy(task.policy, dispositions=task.dispositions, denied=task.denied)
    with Review(home) as review:
        trail.record(home, actor, "ingest.start", run=run_id, policy=policy.digest)
        intake = Intake(
            home,
            writer,
            review,
            run_id=run_id,
            inputs=inputs,
            bay=bay,
            file_done=watch.advance,
            settled=settled,
        )
        watch.stage("files", len(inputs.files))
        with Crew(executor, task) as crew:
            for outcomes in crew.read(in_batches(inputs.items())):
                intake.take(outcomes)
        intake.close()
        watch.stage("volumes")
        intake.derive(volumes.records_for(home, volumes.stale(home)))
        intake.finish(
            {
                "run_id": run_id,
                "started_at": started,
                "finished_at": dt.datetime.now(dt.UTC).replace(tzinfo=None),
                "version": __version__,
                "policy": f"{policy.name} {policy.digest}",
            }
        )
        intake.tally.files[Fate.IGNORED] += inputs.ignored
        intake.tally.registers = registers
        report = intake.tally.report(run_id, time.monotonic() - clock)
        trail.record(
            home,
            actor,
            "ingest.end",
            run=run_id,
            read=report.read,
            accepted=report.accepted,
            duplicates=report.duplicates,
            parked=report.parked,
            quarantined=report.quarantined,
        )
    return report
