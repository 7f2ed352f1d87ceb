"""What a process that reads input keeps open between batches."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from federim.home import Home
from federim.identity.exchange import Exchange
from federim_pipelines.codes.codebook import Codebook
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.keying import Originals
from federim_pipelines.sources.dicom_patient import subject_of
from federim_pipelines.sources.mapping import Mapping, load_mapping
from federim_pipelines.subjects import Subjects


@dataclass(frozen=True, slots=True)
class Task:
    """All a process needs to become a worker of a run: small, hashable, the same for every batch."""

    home: Path
    policy: str
    mapping: Path | None
    year: int  # of the import, against which great ages are grouped
    denied: frozenset[str] = frozenset()  # texts a reviewer of the site rejected
    dispositions: Path | None = None
    issuer: str = ""  # whose patient numbers are those that say nothing; "" is the site's own register
    test_identities: bool = False
    run: str = ""  # of which run: another one finds persons that may have another name by now


@dataclass(frozen=True, slots=True)
class Worker:
    """The home, the door to identity, and what the run was told."""

    home: Home
    exchange: Exchange
    subjects: Subjects
    originals: Originals  # what is keyed while reading, and the vault has not yet
    deidentifier: Deidentifier
    mapping: Mapping | None
    codebook: Codebook
    issuer: str  # whose patient numbers are those that say nothing
    record_key: bytes  # of the keyed hashes that name records
    year: int

    @classmethod
    def open(cls, task: Task) -> Worker:
        """Open everything a task names.

        Raises
        ------
        HomeError, IdentityError, InputError, UnknownName
            As opening the home, its vault, the mapping and the policy do.
        """
        home = opened(task.home, test_identities=task.test_identities)
        exchange = Exchange.open(home)
        subjects, originals = Subjects(exchange), Originals()
        policy = load_policy(task.policy, dispositions=task.dispositions, denied=task.denied)
        return cls(
            home=home,
            exchange=exchange,
            subjects=subjects,
            originals=originals,
            deidentifier=Deidentifier(
                policy,
                partial(subject_of, subjects=subjects, issuer=task.issuer),
                prover=Prover.under(policy),
                originals=originals,
            ),
            mapping=None if task.mapping is None else load_mapping(task.mapping),
            codebook=Codebook.open(home),
            issuer=task.issuer,
            record_key=home.secret("record"),
            year=task.year,
        )


def opened(root: Path, *, test_identities: bool) -> Home:
    """A home, which for this run takes INS of the test and demonstration authorities if it is told to."""
    home = Home.open(root)
    if not test_identities:
        return home
    return replace(home, settings=home.settings.model_copy(update={"test_identities": True}))


# Kept here rather than by an executor's initializer, which not every executor has. The process is part of
# the key because a forked child must not use its parent's database connections, the thread because
# SQLite's belong to one.
_open: dict[tuple[int, int], tuple[Task, Worker]] = {}


def worker_for(task: Task) -> Worker:
    """This process's and thread's worker for a task, opened at the first call; that of another task ends."""
    held = _open.get(_place())
    if held is not None and held[0] == task:
        return held[1]
    if held is not None:
        close_worker(held[0])
    worker = Worker.open(task)
    _open[_place()] = (task, worker)
    return worker


def close_worker(task: Task) -> None:
    """Close this thread's worker, if it is this task's; a worker process closes its own by ending."""
    held = _open.get(_place())
    if held is not None and held[0] == task:
        del _open[_place()]
        held[1].exchange.close()
        held[1].codebook.close()


def _place() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()
