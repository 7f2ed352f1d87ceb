"""Killed at random moments, ingestion by two workers ends where an undisturbed run ends."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dask_processes import dask_processes
from killed_ingest import assert_alike, assert_whole, finish, kill, runs_longer_than, start

from federim.home import Home

SEED = random.SystemRandom().randrange(2**32)
FEW = pytest.param(60, 3, id="3 kills")
MANY = pytest.param(500, 25, id="25 kills", marks=pytest.mark.full)


@pytest.fixture
def fill_inbox(
    inbox: Path, write_image: Callable[..., Path], write_bundle: Callable[..., Path]
) -> Callable[[int], None]:
    """So many files: slices of six patients, their results as lines, a copy, a conflict and an empty file."""

    def build(files: int) -> None:
        for number in range(files - 9):
            write_image(f"ct/{number:03d}.dcm", patient=f"IPP-p{number % 6}", number=number)
        write_image("copy.dcm", patient="IPP-p1", number=1)
        write_image("zz-conflict.dcm", patient="IPP-p1", number=1, Manufacturer="Another")
        (inbox / "empty").touch()
        for number in range(6):
            bundle = write_bundle(f"p{number}.json", patient=f"p{number}", results=100)
            entries = json.loads(bundle.read_text())["entry"]
            lines = "".join(f"{json.dumps(entry['resource'])}\n" for entry in entries)
            bundle.with_suffix(".ndjson").write_text(lines)
            bundle.unlink()

    return build


def outcome(report: dict[str, Any]) -> tuple[int, int]:
    return report["read"], report["quarantined"]


def end_alike_however_often_killed(
    site: Home, twin: Callable[[Home, str], Home], inbox: Path, kills: int, options: tuple[str, ...]
) -> None:
    """Kill the driver at random moments, each in a home of its own, and let the next run end the work."""
    began = time.monotonic()
    expected = finish(start(site, inbox, *options))
    length = time.monotonic() - began
    moments = random.Random(SEED)  # drawn from the length of a run, whatever the machine
    killed = 0
    for number in count():
        if killed == kills:
            break
        home, why = twin(site, f"home-{number}"), f"seed {SEED}, attempt {number}"
        process = start(home, inbox, *options)
        if runs_longer_than(process, moments.uniform(0.1, 1.0) * length):
            kill(process)
            killed += 1
            assert_whole(home)
            process = start(home, inbox, *options)
        assert outcome(finish(process)) == outcome(expected), why
        assert_alike(home, site, why)


@pytest.mark.parametrize(("files", "kills"), [FEW, MANY])
def test_a_killed_driver_loses_nothing_and_doubles_nothing(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    fill_inbox: Callable[[int], None],
    files: int,
    kills: int,
) -> None:
    fill_inbox(files)
    end_alike_however_often_killed(site, twin, inbox, kills, ("--workers", "2"))


@pytest.mark.full
def test_a_killed_driver_whose_cluster_works_on(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    fill_inbox: Callable[[int], None],
    tmp_path: Path,
) -> None:
    """What a worker stores for a run that is gone must not outlast the run that follows."""
    pytest.importorskip("distributed", reason="Dask is in the extra `cluster`")
    fill_inbox(200)
    with dask_processes(tmp_path / "dask", 2) as cluster:
        end_alike_however_often_killed(site, twin, inbox, 8, ("--dask", cluster.address))


@pytest.mark.parametrize(("files", "kills"), [FEW, MANY])
def test_a_killed_dask_worker_loses_nothing_and_doubles_nothing(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    fill_inbox: Callable[[int], None],
    tmp_path: Path,
    files: int,
    kills: int,
) -> None:
    pytest.importorskip("distributed", reason="Dask is in the extra `cluster`")
    fill_inbox(files)
    moments = random.Random(SEED)
    with dask_processes(tmp_path / "dask", 2) as cluster:
        options = ("--dask", cluster.address)
        began = time.monotonic()
        expected = finish(start(site, inbox, *options))
        length = time.monotonic() - began
        killed = 0
        for number in count():
            if killed == kills:
                break
            home, why = twin(site, f"home-{number}"), f"seed {SEED}, attempt {number}"
            process = start(home, inbox, *options)
            if runs_longer_than(process, moments.uniform(0.1, 1.0) * length):
                doomed = cluster.processes[-1 - moments.randrange(2)]
                doomed.kill()
                doomed.wait()
                killed += 1
                cluster.processes.remove(doomed)
                cluster.worker()
            assert outcome(finish(process)) == outcome(expected), why
            assert_alike(home, site, why)
