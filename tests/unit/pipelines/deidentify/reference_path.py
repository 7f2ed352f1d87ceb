"""The reference path on a dataset made in a test, for a subject given by it."""

from __future__ import annotations

from pydicom import Dataset

from federim.model.identifiers import Subject
from federim_pipelines.deidentify import elements
from federim_pipelines.deidentify.person import person_of
from federim_pipelines.deidentify.policy.policy import Policy


def deidentify(dataset: Dataset, subject: Subject, policy: Policy) -> Dataset:
    """What is written of `dataset` under `policy`, as pydicom has it."""
    return elements.deidentify(dataset, person_of(dataset, policy, lambda _: subject), policy)
