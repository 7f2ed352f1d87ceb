"""Bring input into the lake: find it, learn who it is about, read it, keep what is new, say what happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from federim.home import Home, Role
from federim.lake.tables import Lake
from federim.model.errors import InputError
from federim_pipelines.accounting import RunReport
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.policy.files import DEFAULT, NAMES
from federim_pipelines.deidentify.policy.policy import why_not_in_a_lake
from federim_pipelines.parked.lot import ParkingLot
from federim_pipelines.parked.resuming import resume
from federim_pipelines.parked.terms import Terms
from federim_pipelines.progress import Silence, Watch
from federim_pipelines.review import Review
from federim_pipelines.running import carry_out
from federim_pipelines.settling import Settled
from federim_pipelines.sources.inputs import Inputs
from federim_pipelines.sources.mapping import load_mapping
from federim_pipelines.worker import Task


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
    """Read everything under `paths` into the home's lake, once; before that, what waited for the key server.

    Every file is accounted for, in the report or as a quarantine row. Reading the same again adds nothing.
    A run that is killed leaves the lake readable, and the next one completes its work. Memory does not
    grow with the number of files. What is about a person whose token the key server cannot be asked for is
    parked, encrypted, and everything else goes on.

    Parameters
    ----------
    executor : Executor
        Who reads; None is this process. Any executor whose workers see the home: processes
        (`processes.process_pool`, as a process that has threads must not be forked), threads, a cluster
        (`cluster.dask_workers`). This process alone writes to the tables.
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
    task = Task(
        home=home.root,
        policy=policy if isinstance(policy, str) and policy in NAMES else str(Path(policy).absolute()),
        mapping=None if mapping is None else mapping.absolute(),
        year=dt.datetime.now(dt.UTC).year,
        denied=denied,
        dispositions=None if dispositions is None else dispositions.absolute(),
        issuer=issuer,
        test_identities=test_identities,
    )
    lot = ParkingLot(home)
    resumed = resume(home, executor=executor, progress=watch, actor=actor)
    with Lake(home).writing() as writer:
        lot.tidy()
        report = carry_out(
            home,
            writer,
            inputs,
            task,
            bay=lot.bay(Terms.of(task)),
            executor=executor,
            settled=settled,
            watch=watch,
            actor=actor,
        )
    return replace(report, resumed=resumed.pieces)
