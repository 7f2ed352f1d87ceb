"""Ingestion as a command of its own, to be killed, and the undisturbed run it must come to the same as."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from what_a_home_holds import listed_hashes, object_hashes, table_hashes

from federim.audit import trail
from federim.home import Home

# Small commits and batches, so that kills meet a lake in every state between empty and full.
FEDERIM = """
from federim.cli.main import run
from federim_pipelines import batches, intake

batches.BATCH_WEIGHT = 20
intake.ROWS_A_COMMIT = 200
run()
"""


def start(home: Home, inbox: Path, *options: str) -> subprocess.Popen[str]:
    """Start reading an inbox; `options` say who reads."""
    words = ["--home", str(home.root), "ingest", str(inbox), "--json", *options]
    return subprocess.Popen(
        [sys.executable, "-c", FEDERIM, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, so that nothing else is killed
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Let it end, and tell its report."""
    told, said = process.communicate()
    assert process.returncode == 0, said
    report: dict[str, Any] = json.loads(told)
    assert report["read"] == report["accepted"] + report["duplicates"] + report["quarantined"]
    return report


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the driver alone, and return once its workers have ended too."""
    process.kill()
    try:
        # Workers share its pipes: only when the last of them is gone do these end.
        process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def runs_longer_than(process: subprocess.Popen[str], seconds: float) -> bool:
    """Whether it still runs after that time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def assert_whole(home: Home) -> None:
    """No row is without its object, whatever happened a moment ago."""
    assert listed_hashes(home).items() <= object_hashes(home).items()


def assert_alike(home: Home, other: Home, why: str) -> None:
    """Both hold the same rows and the same objects, those that rows list and no more."""
    assert table_hashes(home) == table_hashes(other), why
    assert object_hashes(home) == listed_hashes(home) == listed_hashes(other), why
    assert trail.verify(home).ok, why
