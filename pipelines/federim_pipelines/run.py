"""Bring input into the lake: find it, learn who it is about, read it, keep what is new, say what happened."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from itertools import chain
from pathlib import Path

from federim import __version__
from federim.audit import trail
from federim.home import Home, Role
from federim.identity.exchange import Exchange
from federim.lake.tables import Lake
from federim.model.errors import IdentityError, InputError
from federim.model.identifiers import Merge, PatientIdentity
from federim_pipelines import volumes
from federim_pipelines.accounting import RunReport
from federim_pipelines.batches import in_batches
from federim_pipelines.crew import Crew
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.policy.files import DEFAULT
from federim_pipelines.deidentify.policy.policy import why_not_in_a_lake
from federim_pipelines.intake import Intake, Settled
from federim_pipelines.items import Fate
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.review import Review
from federim_pipelines.sources.inputs import Inputs
from federim_pipelines.sources.mapping import load_mapping
from federim_pipelines.worker import Task, opened


def ingest(
    home: Home,
    paths: Sequence[Path],
    *,
    executor: Executor | None = None,
    policy: str | Path = DEFAULT,
    mapping: Path | None = None,
    dispositions: Path | None = None,
    issuer: str = "",
    test_identities: bool = False,
    settled: Settled | None = None,
    progress: Watch | None = None,
    actor: str = "operator",
) -> RunReport:
    """Read everything under `paths` into the home's lake, once.

    Every file is accounted for, in the report or as a quarantine row. Reading the same again adds nothing.
    A run that is killed leaves the lake readable, and the next one completes its work. Memory does not
    grow with the number of files.

    Parameters
    ----------
    executor : Executor
        Who reads; None is this process. It must not fork a process that has threads
        (`processes.process_pool`).
    policy : str or path
        See `deidentify.policy.compilation.load_policy`.
    mapping : path
        What the columns of CSV files mean; see `sources.mapping`.
    dispositions : path
        The site's word on private attributes; see `deidentify.dispositions`.
    issuer : str
        Whose patient numbers are those that say nothing of it; "" is the site's own register.
    test_identities : bool
        Take INS of the test and demonstration authorities, whatever the home's settings say.
    settled : callable
        Told what became of each file once that is committed; files of an archive come as its members.
    actor : str
        Who acts, for the audit trail.

    Raises
    ------
    InputError
        A path does not exist, or the mapping or policy cannot be used; nothing was read.
    UnknownName
        There is no such policy.
    LakeError
        Another run is writing.
    StorageFull
        The disk is full; what was committed stays, and the next run goes on from there.
    """
    home.require(Role.SITE)
    watch = progress or Silence()
    with Review(home) as review:
        denied = review.rejected
    treatment = load_policy(policy, dispositions=dispositions, denied=denied)
    if (reason := why_not_in_a_lake(treatment)) is not None:
        raise InputError(f"policy {treatment.name} cannot be used to fill a lake: {reason}")
    columns = None if mapping is None else load_mapping(mapping)
    inputs = Inputs(home, paths, columns, issuer=issuer)
    started, clock = dt.datetime.now(dt.UTC).replace(tzinfo=None), time.monotonic()
    run_id = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    task = Task(
        home=home.root,
        policy=str(policy.absolute()) if isinstance(policy, Path) else policy,
        mapping=None if mapping is None else mapping.absolute(),
        year=started.year,
        denied=denied,
        dispositions=None if dispositions is None else dispositions.absolute(),
        issuer=issuer,
        test_identities=test_identities,
    )
    with Lake(home).writing() as writer, Review(home) as review:
        trail.record(home, actor, "ingest.start", run=run_id, policy=treatment.digest)
        intake = Intake(
            home,
            writer,
            review,
            run_id=run_id,
            name=inputs.name,
            file_done=watch.advance,
            settled=settled,
        )
        watch.stage("looking")
        total = len(inputs.files)
        watch.stage("patients")
        # Merges first: a file that was joined to another must not be met as somebody else.
        known: Iterable[PatientIdentity | Merge] = chain(inputs.merges(), inputs.identities())
        registers = _learn(opened(home.root, test_identities=test_identities), known, watch)
        watch.stage("files", total)
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
                "policy": f"{treatment.name} {treatment.digest}",
            }
        )
        intake.tally.files[Fate.IGNORED] += inputs.ignored
        intake.tally.registers = len(registers)
        report = intake.tally.report(run_id, time.monotonic() - clock)
        trail.record(
            home,
            actor,
            "ingest.end",
            run=run_id,
            read=report.read,
            accepted=report.accepted,
            duplicates=report.duplicates,
            quarantined=report.quarantined,
        )
    return report


def _learn(home: Home, identities: Iterable[PatientIdentity | Merge], watch: Watch) -> set[str]:
    """Make everybody known before anything is read: images often come before the records of their patient.

    Returns
    -------
    set of str
        Who gave the numbers that were taken for the site's own, where the site does not list its registers.
    """
    registers: set[str] = set()
    with Exchange.open(home) as exchange:
        for identity in identities:
            try:
                exchange.merge(identity) if isinstance(identity, Merge) else exchange.learn(identity)
            except IdentityError:
                continue  # refused where the record itself is read, with its place
            if isinstance(identity, PatientIdentity) and not home.settings.registers:
                registers |= {told.authority for told in identity.local if told.authority and not told.issuer}
            watch.advance()
    return registers
