"""Have batches read by an executor, a few ahead, in order, and survive the file that kills a process."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from types import TracebackType
from typing import Self

from federim_pipelines.batches import ENDS_THE_RUN, failed, read_batch
from federim_pipelines.items import Item, Outcome
from federim_pipelines.processes import process_pool
from federim_pipelines.sealed_executor import SealedExecutor
from federim_pipelines.worker import Task, close_worker

BATCHES_A_WORKER = 2  # one being read, one waiting: the driver's memory holds no more answers than that

Batch = list[Item]


class Crew:
    """Reads batches, in this process where there is no executor.

    The executor given stays the caller's to shut down; one that breaks is replaced by a pool of this
    machine's processes as wide, which ends with the crew.
    """

    def __init__(self, executor: Executor | None, task: Task) -> None:
        self._executor = executor
        self._task = task
        self._own: list[ProcessPoolExecutor] = []
        self._apart = _Apart(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_worker(self._task)
        self._apart.end()
        for pool in self._own:
            pool.shutdown(wait=error is None, cancel_futures=True)

    def read(self, batches: Iterable[Batch]) -> Iterator[list[Outcome]]:
        """The outcomes of each batch, in the order of the batches.

        Raises
        ------
        HomeError, LakeError, StorageFull
            As `read_batch`; batches not begun are dropped.
        """
        if self._executor is None:
            for batch in batches:
                yield read_batch(self._task, batch)
            return
        waiting: deque[tuple[Batch, Future[list[Outcome]]]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, self._submit(batch)))
                while len(waiting) >= self._width * BATCHES_A_WORKER:
                    yield self._answer(*waiting.popleft())
            while waiting:
                yield self._answer(*waiting.popleft())
            if isinstance(self._executor, SealedExecutor):
                self._executor.quiet()
        finally:
            for _, future in waiting:
                future.cancel()

    def _submit(self, batch: Batch) -> Future[list[Outcome]]:
        assert self._executor is not None
        try:
            return self._executor.submit(read_batch, self._task, batch)
        except BrokenExecutor:
            pool = process_pool(self._width)
            self._own.append(pool)
            self._executor = pool
            return pool.submit(read_batch, self._task, batch)

    def _answer(self, batch: Batch, future: Future[list[Outcome]]) -> list[Outcome]:
        try:
            return future.result()
        except ENDS_THE_RUN:
            raise
        except Exception:  # a decoder that crashed its process, a worker out of memory or out of reach
            return list(self._apart.read(batch))

    @property
    def _width(self) -> int:
        """How many batches are read at a time; of a cluster, it changes."""
        return getattr(self._executor, "_max_workers", None) or os.cpu_count() or 1


class _Apart:
    """Reads in a process of its own what broke another, or was near when that broke."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._pool: ProcessPoolExecutor | None = None

    def read(self, batch: Batch) -> Iterator[Outcome]:
        """The outcomes of a batch; what breaks the process is halved until it is the one item that does."""
        self._pool = self._pool or process_pool(1)
        try:
            yield from self._pool.submit(read_batch, self._task, batch).result()
        except ENDS_THE_RUN:
            raise
        except Exception as error:
            if isinstance(error, BrokenExecutor):
                self.end()
            if len(batch) == 1:
                yield failed(batch[0], error)
                return
            middle = len(batch) // 2
            yield from self.read(batch[:middle])
            yield from self.read(batch[middle:])

    def end(self) -> None:
        """Let the process go, if there is one."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
