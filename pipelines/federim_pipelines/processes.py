"""Start processes that share a run's work, and end when it does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _ProcessPool(ProcessPoolExecutor):
    """Starts its processes deaf to Ctrl-C, which reaches the whole group: only the driver is to answer it."""

    def submit(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        # Processes are started here and inherit the mask: a handler of their own would come too late for a
        # Ctrl-C that meets them while they import.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(work, *arguments, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that start clean, as a forked one would inherit the locks of libraries' threads.

    They end with this process, even if it is killed.
    """
    return _ProcessPool(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_the_driver
    )


def _end_with_the_driver() -> None:
    driver = multiprocessing.parent_process()
    assert driver is not None

    def watch() -> None:
        driver.join()
        # A worker holds both ends of its queue of work, so it would wait there for ever.
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
