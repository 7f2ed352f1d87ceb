"""Means and standard deviations over all sites, from sums each site may tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from federim_federated.records import Arrays


def summarise(inputs: NDArray[np.float64], *, small_cell: int) -> Arrays:
    """Count, sum and sum of squares of each feature at one site.

    Parameters
    ----------
    inputs : NDArray[np.float64], shape (persons, features)
        NaN where a person has no value.
    small_cell : int
        A feature with fewer values than this is told as none at all: the sum over one patient is that
        patient's value.

    Returns
    -------
    dict
        `count` int64, `sum` and `squares` float64, each of shape (features,).
    """
    count = np.sum(~np.isnan(inputs), axis=0)
    told = count >= small_cell
    return {
        "count": np.where(told, count, 0).astype(np.int64),
        "sum": np.where(told, np.nansum(inputs, axis=0), 0.0),
        "squares": np.where(told, np.nansum(inputs**2, axis=0), 0.0),
    }


def combine(sites: Iterable[Arrays]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation, each of shape (features,), over the persons of all sites.

    A feature no site could tell has mean 0 and deviation 1, and one that never varies deviation 1, so that
    dividing by it is safe.
    """
    told = list(sites)
    count: NDArray[Any] = np.sum([site["count"] for site in told], axis=0)
    some = np.maximum(count, 1)
    mean = np.sum([site["sum"] for site in told], axis=0) / some
    variance = np.sum([site["squares"] for site in told], axis=0) / some - mean**2
    # Below this share of the mean's square, the difference of two large sums is rounding, not variance.
    varies = variance > 1e-12 * np.maximum(mean**2, 1e-300)
    return mean, np.sqrt(np.where(varies, variance, 1.0))
