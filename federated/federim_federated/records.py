"""Named numpy arrays to a Flower record, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from federim_federated.flower import Array, ArrayRecord, RecordDict

Arrays = dict[str, NDArray[Any]]

ARRAYS = "arrays"
CONFIG = "config"
METRICS = "metrics"
"""The one ArrayRecord, ConfigRecord and MetricRecord of a message, under the names FedAvg gives them."""

EXAMPLES = "num-examples"
"""The metric by which FedAvg weighs a site."""


def to_record(arrays: Mapping[str, NDArray[Any]]) -> ArrayRecord:
    """A record whose bytes are those of the arrays alone: C order, nothing after the last element."""
    return ArrayRecord({name: Array(np.ascontiguousarray(array)) for name, array in arrays.items()})


def from_record(record: ArrayRecord) -> Arrays:
    """The arrays of a record, by name. Raises what numpy raises on bytes that are not an array."""
    return {name: array.numpy() for name, array in record.items()}


def metrics_of(content: RecordDict) -> dict[str, float]:
    """The metrics of a reply that passed a gate: single numbers, by name."""
    return {name: cast("float", value) for name, value in content.metric_records[METRICS].items()}
