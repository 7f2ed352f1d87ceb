"""What a damaged file may do to the process that decodes it; imported by the workers of tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from federim_pipelines.batches import read_batch
from federim_pipelines.items import Item, Outcome
from federim_pipelines.worker import Task

DEADLY = "deadly.dcm"


def read_or_die(task: Task, items: Sequence[Item]) -> list[Outcome]:
    """As `read_batch`, in a process that ends at once where one of the files is the deadly one."""
    if any(item.path.name == DEADLY for item in items):
        os.kill(os.getpid(), signal.SIGKILL)
    return read_batch(task, items)
