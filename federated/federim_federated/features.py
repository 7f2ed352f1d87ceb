"""Measurements of a snapshot as a matrix, one row a person."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from federim.home import Home
from federim.lake import reader, snapshot
from federim.model.identifiers import Pseudonym
from federim.model.training import TrainingPlan
from federim_federated import labels
from federim_federated.examples import Cohort
from federim_federated.pins import pinned


def read(home: Home, plan: TrainingPlan) -> Cohort:
    """The plan's features and label for every person of the site's snapshot who has a label.

    Returns
    -------
    Cohort
        `inputs` is float64, shape (persons, features), in the units the plan states; NaN where the person
        has no such value. Rows are in the order of `person_ids`.

    Raises
    ------
    LakeError, UnknownName
        The snapshot is not here, or its files are not those it pins.
    """
    chosen = plan.features
    with snapshot.connect(home, pinned(home, plan)) as connection:
        cases = labels.read(home, connection, plan.label)
        found = reader.query(
            connection,
            files("federim_federated").joinpath("sql/features.sql").read_text(),
            seconds=home.settings.query_seconds,
            parameters={
                "codes": [feature.code for feature in chosen],
                "units": [feature.unit for feature in chosen],
                "statistics": [feature.statistic.value for feature in chosen],
            },
        )
    row = {person: place for place, person in enumerate(sorted(cases))}
    matrix = np.full((len(row), len(chosen)), np.nan)
    for person, position, value in zip(*(column.to_pylist() for column in found.columns), strict=True):
        if person in row:
            matrix[row[person], position] = value
    return Cohort(
        person_ids=tuple(Pseudonym(person) for person in row),
        inputs=matrix,
        labels=np.array([cases[person] for person in row]),
    )
