"""Batches are read in order, a few ahead, and a file that kills its process costs only itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim.model.errors import StorageFull
from federim_pipelines import batches, crew
from federim_pipelines.batches import in_batches
from federim_pipelines.crew import Crew
from federim_pipelines.items import Item, Outcome, Reason
from federim_pipelines.processes import process_pool
from federim_pipelines.worker import Task


@pytest.fixture
def task(site: Home) -> Task:
    return Task(site.root, "basic", None, 2026)


@pytest.fixture
def files(tmp_path: Path) -> list[Item]:
    """Ten files nobody can read, named after what is to happen to them."""
    found = []
    for number in range(10):
        path = tmp_path / f"{number}.txt"
        path.write_text("hello")
        found.append(Item("folder", path))
    return found


def read_or_die(task: Task, items: list[Item]) -> list[Outcome]:
    """What a decoder that runs into a damaged file may do to its process."""
    if any(item.path.name == "3.txt" for item in items):
        os._exit(139)
    if any(item.path.name == "7.txt" for item in items):
        raise MemoryError
    return [Outcome(item, [], []) for item in items]


def test_a_file_that_kills_its_process_is_the_only_one_that_fails(
    task: Task, files: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "read_batch", read_or_die)
    with process_pool(2) as pool, Crew(pool, task) as made:
        outcomes = [outcome for batch in made.read([files[:5], files[5:8], files[8:]]) for outcome in batch]
    assert [outcome.item for outcome in outcomes] == files
    assert {
        outcome.item.path.name: [(refusal.reason, refusal.detail) for refusal in outcome.refusals]
        for outcome in outcomes
        if outcome.refusals
    } == {"3.txt": [(Reason.FAILED, "BrokenProcessPool")], "7.txt": [(Reason.FAILED, "MemoryError")]}


def told_and_read(task: Task, items: list[Item]) -> list[Outcome]:
    """As `read_or_die`, leaving in a file how many it was given."""
    with (items[0].path.parent / "told").open("a") as told:
        told.write(f"{len(items)} ")
    return read_or_die(task, items)


def test_a_batch_that_kills_is_halved_until_the_file_is_found(
    task: Task, files: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "read_batch", told_and_read)
    with process_pool(1) as pool, Crew(pool, task) as made:
        (outcomes,) = made.read([[*files[:4], *files[8:], *files[5:7]]])
    assert [bool(outcome.refusals) for outcome in outcomes] == [False] * 3 + [True] + [False] * 4
    # In the pool; then apart: all of it, its first half, the quarters of that, two single files, the rest.
    assert (files[0].path.parent / "told").read_text() == "8 8 4 2 2 1 1 4 "


class CountingExecutor(Executor):
    """Runs nothing until asked, and counts what waits."""

    _max_workers = 3

    def __init__(self) -> None:
        self.waiting = 0
        self.most = 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        executor = self

        class Answer(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                executor.waiting -= 1
                return work(*arguments, **named)

        return Answer()


def test_no_more_than_two_batches_a_worker_are_under_way(task: Task, files: list[Item]) -> None:
    executor = CountingExecutor()
    taken = 0

    def endless() -> Iterator[list[Item]]:
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield files[:1]

    with Crew(executor, task) as made:
        reading = made.read(endless())
        next(reading)
        assert taken == 6
        assert sum(1 for _ in reading) == 49
    assert executor.most == 6


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor], ids=["in this process", "in threads"])
def test_any_executor_reads_the_same(
    task: Task, files: list[Item], executor: type[ThreadPoolExecutor] | None
) -> None:
    pool = executor(2) if executor else None
    with Crew(pool, task) as made:
        outcomes = [outcome for batch in made.read([files[:5], files[5:]]) for outcome in batch]
    if pool:
        pool.shutdown()
    assert [outcome.item for outcome in outcomes] == files
    assert {refusal.reason for outcome in outcomes for refusal in outcome.refusals} == {Reason.NOT_SUPPORTED}


def full_disk(item: Item, worker: object) -> Outcome:
    raise StorageFull("the disk is full")


def test_a_full_disk_ends_the_run_and_is_nobodys_refusal(
    task: Task, files: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batches.READERS, "folder", full_disk)
    for pool in (None, ThreadPoolExecutor(2)):
        with pytest.raises(StorageFull), Crew(pool, task) as made:
            list(made.read([files]))


def test_a_batch_is_a_hundred_images_ten_bundles_or_one_span(tmp_path: Path) -> None:
    def sizes(*items: Item) -> list[int]:
        return [len(batch) for batch in in_batches(items)]

    image, bundle, span = Item("folder", tmp_path), Item("fhir", tmp_path), Item("fhir", tmp_path, end=9)
    assert sizes(*[image] * 250) == [100, 100, 50]
    assert sizes(*[bundle] * 25) == [10, 10, 5]
    assert sizes(span, span, image, span) == [1, 1, 2]


def test_ctrl_c_never_reaches_a_worker_and_always_the_driver() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with process_pool(1) as pool:
        assert signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


DRIVER = """
from os import getpid
from federim_pipelines.processes import process_pool

if __name__ == "__main__":
    with process_pool(2) as pool:
        pool.submit(getpid).result()
        print("ready", flush=True)
        input()
"""


def test_workers_end_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    driver = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"ready\n"
        driver.kill()
        # Workers share its output, which ends only when the last of them is gone.
        driver.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)
