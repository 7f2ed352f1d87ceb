"""Carry out one run: have its input read, take what is new into the lake, and say what happened."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Iterator, Sized
from concurrent.futures import Executor
from dataclasses import replace
from typing import Protocol

from federim import __version__
from federim.audit import trail
from federim.home import Home
from federim.lake.stores import object_store
from federim.lake.tables import LakeWriter
from federim_pipelines import volumes
from federim_pipelines.accounting import RunReport
from federim_pipelines.batches import in_batches
from federim_pipelines.crew import Crew
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.first_pass import Known, NamesPersons, learn_everybody
from federim_pipelines.intake import Intake
from federim_pipelines.items import Fate, Item
from federim_pipelines.parked.lot import Bay
from federim_pipelines.progress import Watch
from federim_pipelines.relink import relink
from federim_pipelines.review import Review
from federim_pipelines.settling import Naming, Settled
from federim_pipelines.worker import Task, opened


class Input(Naming, NamesPersons, Protocol):
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
    known: Known | None = None,
) -> RunReport:
    """Read `inputs` into the lake, as one run of its own.

    Parameters
    ----------
    bay : Bay
        Where items wait of which something is about a person whose token cannot be had.
    known : Known
        What the first pass over these inputs came to, where it is done already.

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
        watch.stage("looking")
        total = len(inputs.files)
        if known is None:
            watch.stage("patients")
            known = learn_everybody(opened(home.root, test_identities=task.test_identities), inputs, watch)
        # Whose INS the first pass learned is read under the one name, and what is read may link others.
        relink(home, writer, dispositions=task.dispositions, progress=watch, actor=actor)
        watch.stage("files", total)
        with Crew(executor, replace(task, run=run_id)) as crew:
            for outcomes in crew.read(in_batches(inputs.items())):
                intake.take(outcomes)
        object_store(home).prepare()  # without what workers that died were writing
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
        relink(home, writer, dispositions=task.dispositions, progress=watch, actor=actor)
        intake.tally.files[Fate.IGNORED] += inputs.ignored
        intake.tally.registers = len(known.registers)
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
