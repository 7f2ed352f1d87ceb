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
        self._workers: int = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        self._own: list[ProcessPoolExecutor] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_worker(self._task)
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
                if len(waiting) >= self._workers * BATCHES_A_WORKER:
                    yield self._answer(*waiting.popleft())
            while waiting:
                yield self._answer(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _submit(self, batch: Batch) -> Future[list[Outcome]]:
        assert self._executor is not None
        try:
            return self._executor.submit(read_batch, self._task, batch)
        except BrokenExecutor:
            pool = process_pool(self._workers)
            self._own.append(pool)
            self._executor = pool
            return pool.submit(read_batch, self._task, batch)

    def _answer(self, batch: Batch, future: Future[list[Outcome]]) -> list[Outcome]:
        try:
            return future.result()
        except ENDS_THE_RUN:
            raise
        except Exception:  # a decoder that crashed its process, a worker out of memory or out of reach
            return list(self._one_by_one(batch))

    def _one_by_one(self, batch: Batch) -> Iterator[Outcome]:
        """Each item alone in a process, so that what breaks it is that item."""
        pool = process_pool(1)
        try:
            for item in batch:
                try:
                    yield from pool.submit(read_batch, self._task, [item]).result()
                except ENDS_THE_RUN:
                    raise
                except Exception as error:
                    yield failed(item, error)
                    if isinstance(error, BrokenExecutor):
                        pool.shutdown()
                        pool = process_pool(1)
        finally:
            pool.shutdown()
