"""How good scores are, and which of it may be told."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SMALLEST_CLASS: Final = 3
"""Fewest cases, and fewest controls, behind an AUC that leaves a site.

An AUC of one case is that patient's rank among the controls. A site tells its AUC alone, rounded, and
never a histogram of scores: two hundred bins by class would be two hundred cells of a few patients each.
"""

DECIMALS: Final = 3


def auc(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """Area under the receiver operating characteristic; NaN where a class is absent.

    Parameters
    ----------
    labels : NDArray, shape (n,)
        1 for a case, 0 for a control.
    scores : NDArray, shape (n,)
        Higher means more likely a case. Ties count half.

    References
    ----------
    Hanley and McNeil, Radiology 143 (1982): the area is the Mann-Whitney statistic.
    """
    cases = labels == 1
    positive, negative = int(cases.sum()), int((~cases).sum())
    if not positive or not negative:
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[cases].sum() - positive * (positive + 1) / 2) / (positive * negative))


def log_loss(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """Mean negative log likelihood (natural logarithm) of probabilities `scores`, shape (n,)."""
    sure = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(labels * np.log(sure) + (1 - labels) * np.log(1 - sure)))


def evaluation(labels: NDArray[Any], scores: NDArray[Any]) -> dict[str, float | int]:
    """What a site tells of a model on its test persons.

    Returns
    -------
    dict
        `loss`; `auc`, and `auc-examples`, the weight of that AUC: both are 0 where a class is smaller than
        `SMALLEST_CLASS`, so a missing AUC does not say which class was small.
    """
    smallest = min(int((labels == 1).sum()), int((labels != 1).sum()))
    told = smallest >= SMALLEST_CLASS
    return {
        "loss": round(log_loss(labels, scores), DECIMALS),
        "auc": round(auc(labels, scores), DECIMALS) if told else 0.0,
        "auc-examples": len(labels) if told else 0,
    }
