"""A small three-dimensional convolutional network that scores a series. Needs PyTorch, the extra `train`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from federim.home import Home
from federim.model.identifiers import Pseudonym
from federim.model.training import ArrayShape, MessageShape, TrainingPlan
from federim_federated import volumes
from federim_federated.examples import Cohort
from federim_federated.records import EXAMPLES, Arrays

SOURCES: Final = ("decoding.py", "sql/series.sql", "volumes.py", "watching.py")

BATCH: Final = 8
THREADS: Final = 1
"""Sums in another order give other weights: with one thread a run repeats exactly on any machine."""


class SeriesNetwork(nn.Module):
    """Three strided convolutions, the mean and the maximum of each map, one logit.

    The maximum is what sees a lesion of a few voxels. GroupNorm, not BatchNorm: running means of one site's
    scanner, averaged over sites, would describe none of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv3d(1, 8, 3, stride=(1, 2, 2), padding=1),
            nn.GroupNorm(4, 8),
            nn.ReLU(),
            nn.Conv3d(8, 16, 3, stride=2, padding=1),
            nn.GroupNorm(4, 16),
            nn.ReLU(),
            nn.Conv3d(16, 32, 3, stride=2, padding=1),
            nn.GroupNorm(8, 32),
            nn.ReLU(),
        )
        self.logit = nn.Linear(64, 1)

    def forward(self, series: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n,), of series, shape (n, slices, rows, columns), in [0, 1]."""
        maps = self.maps(series.unsqueeze(1)).flatten(2)
        logits: torch.Tensor = self.logit(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))
        return logits.squeeze(1)


def messages(plan: TrainingPlan) -> tuple[MessageShape, ...]:
    """Rounds of training and evaluation; the whole model goes both ways."""
    weights = initial(plan).items()
    model = tuple(ArrayShape(name=name, shape=array.shape, dtype=str(array.dtype)) for name, array in weights)
    return (
        MessageShape(
            message_type="train",
            config=("plan", "server-round", "learning-rate", "local-epochs"),
            receives=model,
            replies=model,
            metrics=(EXAMPLES, "loss"),
            norm_bound=plan.norm_bound,
        ),
        MessageShape(
            message_type="evaluate",
            config=("plan", "server-round"),
            receives=model,
            replies=(),
            metrics=(EXAMPLES, "loss", "auc", "auc-examples"),
            norm_bound=plan.norm_bound,
        ),
    )


def initial(plan: TrainingPlan) -> Arrays:
    """Random weights (float32) drawn from the plan's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return _arrays(SeriesNetwork())


def read(home: Home, plan: TrainingPlan, *, without: Collection[Pseudonym] = ()) -> Cohort:
    """The site's volumes, float32, shape (series, slices, rows, columns), in [0, 1]; see `volumes.read`."""
    return volumes.read(home, plan, without=without)


def train(
    arrays: Arrays,
    inputs: NDArray[Any],
    labels: NDArray[Any],
    *,
    learning_rate: float,
    epochs: int,
    seed: int,
) -> tuple[Arrays, float]:
    """Adam on batches of series, shuffled by `seed`: the model, and the last epoch's mean loss."""
    with _threads():
        network = _network(arrays).train()
        optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
        order = torch.Generator().manual_seed(seed)
        series, cases = torch.from_numpy(inputs), torch.from_numpy(labels).float()
        total = 0.0
        for _ in range(epochs):
            total = 0.0
            shuffled = torch.randperm(len(cases), generator=order)
            for start in range(0, len(cases), BATCH):
                batch = shuffled[start : start + BATCH]
                optimiser.zero_grad()
                loss = nn.functional.binary_cross_entropy_with_logits(network(series[batch]), cases[batch])
                loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
                optimiser.step()
                total += loss.item() * len(batch)
        return _arrays(network), total / len(cases)


def score(arrays: Arrays, inputs: NDArray[Any]) -> NDArray[Any]:
    """Probability, shape (n,), that each series is a case's."""
    with _threads(), torch.inference_mode():
        network = _network(arrays).eval()
        series = torch.from_numpy(inputs)
        logits = [network(series[start : start + BATCH]) for start in range(0, len(inputs), BATCH)]
        return torch.sigmoid(torch.cat(logits)).numpy().astype(np.float64)


def _network(arrays: Arrays) -> SeriesNetwork:
    network = SeriesNetwork()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network


def _arrays(network: SeriesNetwork) -> Arrays:
    return {name: tensor.detach().numpy().copy() for name, tensor in network.state_dict().items()}


@contextmanager
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
