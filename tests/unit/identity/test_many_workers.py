"""Several worker processes meet the same new patients at once, and make each of them once."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

from federim.home import Home
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.model.identifiers import IdentityStatus, Ipp, LocalId, NationalId, PatientIdentity, Subject

WORKERS = 4
PATIENTS = 40

together: Barrier


def meet(barrier: Barrier) -> None:
    global together
    together = barrier


def told(number: int, worker: int) -> PatientIdentity:
    """Every second patient has an INS; each worker also tells an identifier of its own."""
    local = (
        LocalId(issuer="", value=Ipp(f"IPP-{number}")),
        LocalId(issuer=f"worker {worker}", value=Ipp(f"IPP-{number}")),
    )
    national = NationalId(
        oid=ins.NIR, value=ins.with_key(f"28505780{number:05d}"), status=IdentityStatus.QUALIFIED
    )
    return PatientIdentity(local=local, national=national if number % 2 else None)


def learn_all(root: Path, worker: int) -> list[Subject]:
    home = Home.open(root)
    together.wait(timeout=60)
    with Exchange.open(home) as exchange:
        return [exchange.learn(told(number, worker)) for number in range(PATIENTS)]


def test_workers_that_meet_new_patients_at_once_agree(make_site: Callable[..., Home]) -> None:
    home = make_site()  # nobody has opened it: making the vault and its key is part of the race
    context = multiprocessing.get_context("spawn")
    with context.Pool(WORKERS, meet, (context.Barrier(WORKERS),)) as pool:
        learned = pool.starmap(learn_all, [(home.root, worker) for worker in range(WORKERS)], chunksize=1)
        pool.close()
        pool.join()
    assert all(subjects == learned[0] for subjects in learned)
    assert len({subject.person_id for subject in learned[0]}) == PATIENTS
    with closing(sqlite3.connect(home.vault / "identities.sqlite3")) as raw:
        [persons] = raw.execute("SELECT count(*) FROM person").fetchone()
        [identifiers] = raw.execute("SELECT count(*) FROM identifier").fetchone()
    assert persons == PATIENTS
    assert identifiers == PATIENTS * (1 + WORKERS) + PATIENTS // 2
    with Exchange.open(home) as exchange:
        assert exchange.rewritings() == []
