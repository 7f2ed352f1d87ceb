"""A Dask cluster of real processes on loopback: a scheduler, and workers of one thread each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds for a process to start


@dataclass
class DaskProcesses:
    """Started in `folder`, where each writes what it says; stopped with the block that started them."""

    folder: Path
    options: Sequence[str] = ()  # of the scheduler
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    @property
    def _file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        return str(json.loads(self._file.read_text())["address"])

    def start(self) -> None:
        """Start the scheduler, and wait for it to say where it listens."""
        words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self._file)]
        scheduler = self._run("dask_scheduler", [*words, *self.options])
        end = time.monotonic() + PATIENCE
        while not self._file.exists():
            assert scheduler.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def worker(self, *options: str, nanny: bool = False) -> subprocess.Popen[bytes]:
        """Start one more worker; it joins when it is ready."""
        words = ["--scheduler-file", str(self._file), "--host", "127.0.0.1", "--no-dashboard"]
        words += ["--nthreads", "1", "--local-directory", str(self.folder)]
        words += ["--nanny" if nanny else "--no-nanny", *options]
        return self._run("dask_worker", words)

    def said(self) -> str:
        """Everything the processes wrote."""
        return "\n".join(log.read_text(errors="replace") for log in self.logs)

    def stop(self) -> None:
        """End all of them, each with what it started."""
        for process in reversed(self.processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self, module: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        log = self.folder / f"{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
                start_new_session=True,  # a group of its own, so that nothing else is killed
            )
        self.processes.append(process)
        return process


def _environment() -> dict[str, str]:
    """This process's, and where it found its modules: those of tests among them."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def dask_processes(folder: Path, workers: int, **named: Any) -> Iterator[DaskProcesses]:
    """A scheduler and so many workers, as long as the block lasts."""
    folder.mkdir()
    cluster = DaskProcesses(folder, **named)
    try:
        cluster.start()
        for _ in range(workers):
            cluster.worker()
        yield cluster
    finally:
        cluster.stop()
