"""Share a folder tree's chunks among processes, and survive the file that kills one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future

from federim_pipelines.deidentify.tree.walk import Chunk, chunks
from federim_pipelines.deidentify.tree.worker import ChunkReport, TreeTask, clean_chunk, failed
from federim_pipelines.processes import process_pool

_AHEAD = 2  # chunks a worker: one being read, one waiting


class TreeCrew:
    """Processes that work on chunks; a file that kills its process is refused alone."""

    def __init__(self, task: TreeTask, workers: int) -> None:
        self._task = task
        self._workers = workers
        self._pool = process_pool(workers)

    def parts(self) -> Iterator[tuple[int, ChunkReport]]:
        """The report of each chunk, a few chunks in hand at a time."""
        waiting: deque[tuple[Chunk, Future[ChunkReport]]] = deque()
        try:
            for chunk in chunks(self._task.source):
                waiting.append((chunk, self._submit(chunk)))
                if len(waiting) >= self._workers * _AHEAD:
                    yield from self._answer(*waiting.popleft())
            while waiting:
                yield from self._answer(*waiting.popleft())
        finally:
            self._pool.shutdown(cancel_futures=True)

    def _submit(self, chunk: Chunk) -> Future[ChunkReport]:
        try:
            return self._pool.submit(clean_chunk, self._task, chunk)
        except BrokenExecutor:
            self._pool = process_pool(self._workers)
            return self._pool.submit(clean_chunk, self._task, chunk)

    def _answer(self, chunk: Chunk, future: Future[ChunkReport]) -> Iterator[tuple[int, ChunkReport]]:
        try:
            report = future.result()
        except BrokenExecutor:
            yield from self._one_by_one(chunk)
        else:
            yield len(chunk.names), report

    def _one_by_one(self, chunk: Chunk) -> Iterator[tuple[int, ChunkReport]]:
        yield 0, ChunkReport(ignored=chunk.ignored)
        for name in chunk.names:
            alone = Chunk(chunk.folder, (name,))
            with process_pool(1) as pool:
                try:
                    yield 1, pool.submit(clean_chunk, self._task, alone).result()
                except BrokenExecutor as error:
                    yield 1, failed(alone, error)
