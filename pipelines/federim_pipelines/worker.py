"""What a worker process keeps open between batches, and how it reads one."""

from __future__ import annotations

import atexit
import os
import threading
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.model.errors import HomeError, LakeError, StorageFull
from federim_pipelines.deidentify.policy import Policy, load_policy
from federim_pipelines.items import Item, Outcome, Reason, Refusal
from federim_pipelines.sources.mapping import Mapping, load_mapping

# What concerns the whole run, and would refuse every file after this one as well.
_ENDS_THE_RUN = (HomeError, LakeError, StorageFull)
_CANNOT_OPEN = (OSError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Task:
    """All a process needs to become a worker of a run: small, hashable, the same for every batch."""

    home: Path
    policy: str
    mapping: Path | None
    year: int  # of the import, against which great ages are grouped


@dataclass(frozen=True, slots=True)
class Worker:
    """One process's open hands: the home, the door to identity, and what the run was told."""

    home: Home
    exchange: Exchange
    policy: Policy
    mapping: Mapping | None
    record_key: bytes  # of the keyed hashes that name records
    year: int

    @classmethod
    def open(cls, task: Task) -> Worker:
        """Open everything a task names; raise what `Home.open`, `load_policy` and `load_mapping` raise."""
        home = Home.open(task.home)
        return cls(
            home=home,
            exchange=Exchange.open(home),
            policy=load_policy(task.policy),
            mapping=None if task.mapping is None else load_mapping(task.mapping),
            record_key=home.secret("record"),
            year=task.year,
        )


def read_batch(task: Task, items: Sequence[Item]) -> list[Outcome]:
    """Read items one after the other, in a process of any executor.

    Raises
    ------
    HomeError, LakeError, StorageFull
        Nothing can be read any more; whatever one file raises else is that file's refusal.
    """
    worker = _worker(task)
    return [_read_item(item, worker) for item in items]


def _read_item(item: Item, worker: Worker) -> Outcome:
    from federim_pipelines.sources.inputs import READERS

    try:
        return READERS[item.source](item, worker)
    except _ENDS_THE_RUN:
        raise
    except _CANNOT_OPEN as error:
        return Outcome(item, [], [Refusal(reason=Reason.UNREADABLE, detail=type(error).__name__)])
    except Exception as error:  # whatever a damaged file makes a library raise; its text may quote the file
        return Outcome(item, [], [Refusal(reason=Reason.FAILED, detail=type(error).__name__)])


# No executor's initializer is used: not all have one. The process is part of the key because a forked
# child must not use its parent's database connections, the thread because SQLite's belong to one.
_open_workers: dict[tuple[int, int, Task], Worker] = {}


def _worker(task: Task) -> Worker:
    place = (os.getpid(), threading.get_ident(), task)
    worker = _open_workers.get(place)
    if worker is None:
        worker = _open_workers[place] = Worker.open(task)
    return worker


def close_workers(task: Task) -> None:
    """Close what this process opened for a task; a process that ends does so by itself."""
    for place in [place for place in _open_workers if place[0] == os.getpid() and place[2] == task]:
        if place[1] == threading.get_ident():
            _open_workers.pop(place).exchange.close()
