"""Logistic regression on measurements, with numpy alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from federim.home import Home
from federim.model.identifiers import Pseudonym
from federim.model.training import ArrayShape, MessageShape, TrainingPlan
from federim_federated import features
from federim_federated.examples import Cohort
from federim_federated.records import EXAMPLES, Arrays

SOURCES: Final = ("features.py", "sql/features.sql")

RIDGE: Final = 1e-3
"""Weight of the squared coefficients in the loss: keeps separable data from growing them without end."""

# A bound against overflow and against numbers that are no sum of laboratory values; it hides nobody.
LARGEST_SUM: Final = 1e12


def messages(plan: TrainingPlan) -> tuple[MessageShape, ...]:
    """First the sums from which features are put on one scale, then rounds of training and evaluation."""
    wide = (len(plan.features),)
    model = (
        ArrayShape(name="weights", shape=wide, dtype="float64"),
        ArrayShape(name="bias", shape=(1,), dtype="float64"),
    )
    scale = (
        ArrayShape(name="mean", shape=wide, dtype="float64"),
        ArrayShape(name="deviation", shape=wide, dtype="float64"),
    )
    return (
        MessageShape(
            message_type="query.statistics",
            config=("plan",),
            receives=(),
            replies=(
                ArrayShape(name="count", shape=wide, dtype="int64", counts=True),
                ArrayShape(name="sum", shape=wide, dtype="float64"),
                ArrayShape(name="squares", shape=wide, dtype="float64"),
            ),
            metrics=(EXAMPLES,),
            norm_bound=LARGEST_SUM,
        ),
        MessageShape(
            message_type="train",
            config=("plan", "server-round", "learning-rate", "local-epochs"),
            receives=(*model, *scale),
            replies=model,
            metrics=(EXAMPLES, "loss"),
            norm_bound=plan.norm_bound,
        ),
        MessageShape(
            message_type="evaluate",
            config=("plan", "server-round"),
            receives=(*model, *scale),
            replies=(),
            metrics=(EXAMPLES, "loss", "auc", "auc-examples"),
            norm_bound=plan.norm_bound,
        ),
    )


def initial(plan: TrainingPlan) -> Arrays:
    """Zero coefficients; `mean` and `deviation` leave the features as they are until the sums are in."""
    wide = len(plan.features)
    return {
        "weights": np.zeros(wide),
        "bias": np.zeros(1),
        "mean": np.zeros(wide),
        "deviation": np.ones(wide),
    }


def read(home: Home, plan: TrainingPlan, *, without: Collection[Pseudonym] = ()) -> Cohort:
    """The site's matrix of features, float64, shape (persons, features); see `features.read`."""
    return features.read(home, plan).without(without)


def standardised(arrays: Arrays, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features in deviations from the mean over all sites; a missing one is at the mean, 0."""
    return np.nan_to_num((inputs - arrays["mean"]) / arrays["deviation"], nan=0.0)


def train(
    arrays: Arrays,
    inputs: NDArray[Any],
    labels: NDArray[Any],
    *,
    learning_rate: float,
    epochs: int,
    seed: int,  # noqa: ARG001 — every step uses all examples, so nothing is drawn
) -> tuple[Arrays, float]:
    """Full-batch gradient descent, a step an epoch: `weights` and `bias`, and the mean loss before them."""
    rows = standardised(arrays, inputs)
    weights, bias = arrays["weights"].copy(), arrays["bias"].copy()
    loss = _loss(rows @ weights + bias, labels)
    for _ in range(epochs):
        error = _logistic(rows @ weights + bias) - labels
        weights -= learning_rate * (rows.T @ error / len(labels) + RIDGE * weights)
        bias -= learning_rate * error.mean()
    return {"weights": weights, "bias": bias}, loss


def score(arrays: Arrays, inputs: NDArray[Any]) -> NDArray[Any]:
    """Probability, shape (n,), that each person is a case."""
    return _logistic(standardised(arrays, inputs) @ arrays["weights"] + arrays["bias"])


def _logistic(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    # Through tanh it cannot overflow, whichever the sign.
    return 0.5 * (1.0 + np.tanh(0.5 * margin))


def _loss(margin: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    return float(np.mean(np.logaddexp(0.0, margin) - labels * margin))
