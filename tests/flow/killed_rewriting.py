"""Change a person in many copies of a home, each killed at its own step. Run by test_rewriting_killed.py."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
from persons_in_a_lake import change

from federim.home import Home
from federim.lake import (
    delta_log,
    locks,
    person_rows,
    rewriting,
    snapshot_folder,
    staging,
    storage,
    tables,
    tombstone,
)
from federim.lake.delta import DeltaWriter
from federim.lake.index import Index
from federim.lake.rewriting import rewrite

UNHURT = 0


def kill_at(step: int) -> None:
    """Kill the process before or after the `step`-th thing that touches the disk."""
    passed = 0

    def deadly(inner: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal passed
            for moment in ("before", "after"):
                passed += 1
                if passed == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                if moment == "before":
                    result = inner(*args, **options)
            return result

        return call

    for owner, name in (
        (staging, "_write_arrow"),
        (staging.shutil, "rmtree"),
        (Path, "rename"),
        (Path, "unlink"),
        (Path, "replace"),
        (os, "link"),
        (person_rows.pq, "ParquetWriter"),
        (deltalake.DeltaTable, "create_checkpoint"),
        (DeltaWriter, "write"),
        (DeltaWriter, "forget_history"),
        (Index, "remember"),
        (Index, "tell"),
        (Index, "settle"),
        (Index, "clean"),
        (tables, "drop"),
        (snapshot_folder, "publish"),
        (tombstone, "bury"),
        (rewriting, "_remove_unneeded"),
        *((module, "sync") for module in (staging, storage, person_rows, delta_log, tombstone)),
        (locks.fcntl, "flock"),
    ):
        setattr(owner, name, deadly(getattr(owner, name)))


def main(origin: Path, old: str, new: str | None, first: int, stride: int) -> int:
    """Kill at step `first`, then every `stride`-th; returns how many copies were: origin-1, origin-2 …"""
    for number in range(1, 10_000):
        copy = origin.with_name(f"{origin.name}-{number}")
        shutil.copytree(origin, copy)
        child = os.fork()
        if child == 0:
            home = Home.open(copy)
            wanted = change(home, old, new)
            with tables.Lake(home).writing() as writer:
                kill_at(first + (number - 1) * stride)
                rewrite(home, writer, wanted)
            os._exit(UNHURT)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == UNHURT:
            shutil.rmtree(copy)
            return number - 1
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    raise AssertionError("there is no end to it")


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] or None, int(sys.argv[4]), int(sys.argv[5])))
