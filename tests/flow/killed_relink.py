"""Relink copies of a home, each killed at another moment. Run by test_late_links_killed.py."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import deltalake  # noqa: F401 — imported before the forks; no table is opened until after

from federim.home import Home
from federim.lake.tables import Lake
from federim_pipelines.relink import relink

_CHANGES = frozenset({"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def watch(last: int, told: int) -> None:
    """Tell the descriptor `told` how often the disk was changed; kill the process at the time `last`."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if event in _CHANGES or writes or event == "sqlite3.connect":
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)
            os.pwrite(told, str(seen).encode(), 0)

    sys.addaudithook(hook)


def relinked(home: Path, last: int) -> int:
    """Relink a home in a process of its own; how many changes that took, or 0 where it was killed."""
    told = os.memfd_create("changes")
    child = os.fork()
    if child == 0:
        watch(last, told)
        opened = Home.open(home)
        with Lake(opened).writing() as writer:
            relink(opened, writer, actor="ada")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return 0
    assert os.waitstatus_to_exitcode(status) == 0
    return int(os.pread(told, 20, 0))


def main(origin: Path, moments: int) -> None:
    """Make the copies: `origin`-whole, and `origin`-1 … killed at moments spread evenly."""
    whole = origin.with_name(f"{origin.name}-whole")
    shutil.copytree(origin, whole)
    changes = relinked(whole, 0)
    for number in range(1, moments + 1):
        copy = origin.with_name(f"{origin.name}-{number}")
        shutil.copytree(origin, copy)
        if relinked(copy, max(1, changes * number // (moments + 1))):
            raise SystemExit(f"copy {number} outlived its kill")
    print(changes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
