"""Freeze a cohort as soon as the other process is ready too. Run by test_cohort_frozen_twice.py."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from federim.home import Home
from federim.lake import snapshot, snapshot_folder
from federim.model.errors import FederimError

home, gate, me, others = Home.open(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
publish = snapshot_folder.publish


def together(step: str) -> None:
    """Wait until every process is at this step."""
    (gate / f"{step}-{me}").touch()
    while len(list(gate.glob(f"{step}-*"))) < others:
        time.sleep(0.001)


def publish_together(*arguments, **named):  # type: ignore[no-untyped-def]
    together("publish")
    return publish(*arguments, **named)


snapshot_folder.publish = publish_together
try:
    together("begin")
    print(snapshot.freeze(home, "chest").id)
except FederimError as error:
    sys.exit(error.exit_code)
