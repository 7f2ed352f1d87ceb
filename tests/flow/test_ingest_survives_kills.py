"""Killed again and again at random moments, ingestion ends where an undisturbed run ends."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from federim.audit import trail
from federim.home import Home
from federim.lake.tables import Lake

Content = dict[str, list[str]]

KILLS = 8  # with one worker, and as many with two
# Small commits, so that kills meet a lake in every state between empty and full.
FEDERIM = """
from federim.cli.main import run
from federim_pipelines import intake

intake.ROWS_A_COMMIT = 200
run()
"""


@pytest.fixture
def fill_inbox(
    inbox: Path, write_image: Callable[..., Path], write_bundle: Callable[..., Path]
) -> Callable[[], None]:
    """120 slices of six patients, their results as lines, a copy, a conflict and an empty file."""

    def build() -> None:
        for number in range(120):
            write_image(f"ct/{number:03d}.dcm", patient=f"IPP-p{number % 6}", number=number)
        write_image("copy.dcm", patient="IPP-p1", number=1)
        write_image("zz-conflict.dcm", patient="IPP-p1", number=1, Manufacturer="Another")
        (inbox / "empty").touch()
        for number in range(6):
            bundle = write_bundle(f"p{number}.json", patient=f"p{number}", results=300)
            entries = json.loads(bundle.read_text())["entry"]
            lines = "".join(f"{json.dumps(entry['resource'])}\n" for entry in entries)
            bundle.with_suffix(".ndjson").write_text(lines)
            bundle.unlink()

    return build


def start(home: Home, inbox: Path, workers: int) -> subprocess.Popen[str]:
    words = ["--home", str(home.root), "ingest", str(inbox), "--workers", str(workers), "--json"]
    return subprocess.Popen(
        [sys.executable, "-c", FEDERIM, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, so that nothing else is killed
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
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
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def object_hashes(home: Home) -> dict[str, str]:
    """By path, relative to the objects, the hash of every file there: unfinished ones too."""
    return {
        path.relative_to(home.objects).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.objects.rglob("*")
        if path.is_file()
    }


def listed_hashes(home: Home) -> dict[str, str]:
    """What `instance_file` says of the objects."""
    return {
        row["path"]: row["sha256"]
        for file in Lake(home).files("instance_file")
        for row in pq.read_table(file, partitioning=None).to_pylist()
    }


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2])
def test_random_kills_lose_nothing_and_double_nothing(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    fill_inbox: Callable[[], None],
    content: Callable[[Home], Content],
    workers: int,
) -> None:
    fill_inbox()
    began = time.monotonic()
    expected = finish(start(site, inbox, workers))
    length = time.monotonic() - began
    moments = random.Random(workers)  # drawn from the length of a run, whatever the machine
    killed = 0
    for number in count():
        if killed == KILLS:
            break
        home = twin(site, f"home-{number}")
        process = start(home, inbox, workers)
        while killed < KILLS and runs_longer_than(process, moments.uniform(0.3, 0.8) * length):
            kill(process)
            killed += 1
            # Readable in between, and no row without its object.
            assert listed_hashes(home).items() <= object_hashes(home).items()
            process = start(home, inbox, workers)
        report = finish(process)
        assert (report["read"], report["quarantined"]) == (expected["read"], expected["quarantined"])
        assert content(home) == content(site)
        assert object_hashes(home) == listed_hashes(home) == listed_hashes(site)
        assert trail.verify(home).ok
    again = finish(start(home, inbox, workers))
    assert (again["read"], again["accepted"], again["rows"]) == (expected["read"], 0, {})
