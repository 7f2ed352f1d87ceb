"""Write one batch in many copies of a home, each killed at its own step. Run by test_lake_killed.py."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake  # noqa: F401 — imported before the forks; no table is opened until after

from federim.home import Home
from federim.lake import delta, staging, tables
from federim.lake.index import Index

KILLED, UNHURT = 9, 0


def kill_at(step: int) -> None:
    """End the process without any clean-up before or after the `step`-th thing that touches the disk."""
    passed = 0

    def deadly(inner: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal passed
            for moment in ("before", "after"):
                passed += 1
                if passed == step:
                    os._exit(KILLED)
                if moment == "before":
                    result = inner(*args, **options)
            return result

        return call

    for owner, name in (
        (staging, "_write_arrow"),
        (staging, "sync"),
        (staging.shutil, "rmtree"),
        (Path, "rename"),
        (delta, "write_deltalake"),
        (delta.DeltaWriter, "_merge"),
        (delta.DeltaWriter, "write"),
        (Index, "remember"),
        (tables, "drop"),
    ):
        setattr(owner, name, deadly(getattr(owner, name)))


def main(origin: Path, act: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> int:
    """Have a writer do `act`; returns the number of copies that were killed: origin-1, origin-2 …"""
    step = 0
    while True:
        step += 1
        copy = origin.with_name(f"{origin.name}-{step}")
        shutil.copytree(origin, copy)
        child = os.fork()
        if child == 0:
            kill_at(step)
            with tables.Lake(Home.open(copy)).writing() as writer:
                getattr(writer, act)(*arguments, **options)
            os._exit(UNHURT)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) == UNHURT:
            shutil.rmtree(copy)
            return step - 1
        assert os.waitstatus_to_exitcode(status) == KILLED


if __name__ == "__main__":
    import pickle

    print(main(Path(sys.argv[1]), *pickle.loads(sys.stdin.buffer.read())))
