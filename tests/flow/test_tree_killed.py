"""A run that is killed leaves whole files alone: what stands in OUT can be read to its last byte."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

FEDERIM = Path(sys.executable).with_name("federim")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_leaves_no_half_file(
    inbox: Path, write_image: Callable[..., Path], tmp_path: Path, workers: int
) -> None:
    for number in range(150):
        write_image(f"ct/{number:03d}.dcm", patient=f"IPP-p{number % 6}", number=number)
    chance, met = random.Random(workers), 0
    for attempt in range(6):
        target = tmp_path / f"out-{attempt}"
        run = subprocess.Popen(
            [FEDERIM, "deidentify", inbox, target, "--workers", str(workers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a group of its own, so that nothing else is killed
        )
        while not (target / "ct").is_dir() and run.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.random() / 20)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        written = sorted((target / "ct").glob("*")) if target.is_dir() else []
        met += 0 < len(written) < 150
        for path in written:
            assert len(pydicom.dcmread(path).pixel_array.tobytes()) > 0
    assert met, "no run was met in the middle; kill earlier"
