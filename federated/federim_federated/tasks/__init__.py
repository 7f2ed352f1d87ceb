"""What can be learnt, a module a task: its messages, its model, how it trains and scores."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast

from numpy.typing import NDArray

from federim.home import Home
from federim.model.identifiers import Pseudonym
from federim.model.training import MessageShape, Task, TrainingPlan
from federim_federated.examples import Cohort
from federim_federated.records import Arrays

PACKAGE: Final = Path(__file__).parents[1]


class Learner(Protocol):
    """A task's module."""

    SOURCES: tuple[str, ...]
    """Files of this package, beside those every task shares, whose change asks for a new signature."""

    def messages(self, plan: TrainingPlan) -> tuple[MessageShape, ...]:
        """Every message the task sends a site and what comes back."""
        ...

    def initial(self, plan: TrainingPlan) -> Arrays:
        """The model before the first round, the same wherever it is made."""
        ...

    def read(self, home: Home, plan: TrainingPlan, *, without: Collection[Pseudonym] = ()) -> Cohort:
        """A site's examples, from the snapshot the plan pins, but for some persons'."""
        ...

    def train(
        self,
        arrays: Arrays,
        inputs: NDArray[Any],
        labels: NDArray[Any],
        *,
        learning_rate: float,
        epochs: int,
        seed: int,
    ) -> tuple[Arrays, float]:
        """The model after `epochs` passes over the examples, and the mean loss met on the way."""
        ...

    def score(self, arrays: Arrays, inputs: NDArray[Any]) -> NDArray[Any]:
        """The probability, shape (n,), that each example is a case."""
        ...


SHARED_SOURCES: Final = (
    "client.py",
    "examples.py",
    "labels.py",
    "metrics.py",
    "pins.py",
    "records.py",
    "site_data.py",
    "split.py",
    "statistics.py",
)
"""What runs at a site whatever the task."""


def learner(task: Task) -> Learner:
    """The task's module, imported only when needed: `image` brings PyTorch, the extra `train`."""
    return cast("Learner", import_module(f"federim_federated.tasks.{task.value}"))


def app_hash(task: Task, package: Path = PACKAGE) -> str:
    """SHA-256 over the name and bytes of every file that handles patients' data for this task.

    A plan carries it, so that code changed after the signature is refused at the gate.
    """
    digest = hashlib.sha256()
    for name in sorted((*SHARED_SOURCES, f"tasks/{task.value}.py", *learner(task).SOURCES)):
        content = (package / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
