"""What travels to a cluster's workers and back shows nothing, and cannot be changed on its way."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from federim.home import Home
from federim.model.errors import HomeError, StorageFull, VerificationFailed
from federim_pipelines.items import Item
from federim_pipelines.sealed_executor import Parcel, SealedExecutor, WorkersLost, carried_out
from federim_pipelines.worker import Task


def test_a_parcel_shows_the_home_and_nothing_of_its_work(site: Home) -> None:
    task = Task(site.root, "basic", None, 2026, denied=frozenset({"DUPONT^JEANNE"}))
    parcel = Parcel.of(site, (task, [Item("folder", Path("/inbox/1850399123456.dcm"))]))
    for shown in (repr(parcel).encode(), pickle.dumps(parcel)):
        assert b"DUPONT" not in shown
        assert b"1850399123456" not in shown
        assert site.secret("dispatch") not in shown
    assert parcel.content(site)[0] == task


def test_a_parcel_of_another_home_or_changed_is_not_opened(
    site: Home, make_home: Callable[..., Home]
) -> None:
    parcel = Parcel.of(site, "work")
    with pytest.raises(VerificationFailed):
        parcel.content(make_home("other"))
    for place in (0, len(parcel.sealed) // 2, len(parcel.sealed) - 1):
        changed = bytearray(parcel.sealed)
        changed[place] ^= 1
        with pytest.raises(VerificationFailed):
            replace(parcel, sealed=bytes(changed)).content(site)


def test_work_is_done_and_what_it_raises_is_raised(site: Home) -> None:
    with ThreadPoolExecutor(2) as pool:
        executor = SealedExecutor(pool, site, lambda: 2)
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert executor.submit(int, "ff", base=16).result() == 255
        with pytest.raises(StorageFull, match="no room"):
            executor.submit(full_disk).result()


def full_disk() -> None:
    raise StorageFull("no room")


def test_what_was_not_begun_can_be_dropped(site: Home) -> None:
    started, may_end = Event(), Event()

    def hold() -> None:
        started.set()
        may_end.wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        started.wait()
        answer: Future[int] = SealedExecutor(pool, site, lambda: 1).submit(os.getpid)
        assert answer.cancel()
        may_end.set()
    with pytest.raises(CancelledError):
        answer.result()


def test_a_worker_refuses_what_it_cannot_do_as_the_driver_would(site: Home, tmp_path: Path) -> None:
    parcel = Parcel.of(site, (os.getpid, (), {}))
    assert carried_out(parcel).content(site) == (os.getpid(), None)
    with pytest.raises(WorkersLost, match="this run Federim 0 on Python 2"):
        carried_out(replace(parcel, made_by="Federim 0 on Python 2"))
    with pytest.raises(HomeError):
        carried_out(replace(parcel, home=tmp_path / "absent"))
