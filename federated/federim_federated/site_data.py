"""A site's examples for a plan, split into those that train and those that test."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from federim.home import Home
from federim.identity.exchange import Exchange
from federim.model.training import TrainingPlan
from federim_federated import project_key
from federim_federated.examples import SiteData
from federim_federated.split import in_test
from federim_federated.tasks import learner


def load(home: Home, plan: TrainingPlan) -> SiteData:
    """What this site trains and tests on, read once a process for each plan.

    Raises
    ------
    HomeError
        The site does not hold the project's key.
    UnknownName, LakeError, VerificationFailed
        The snapshot is not here, or is not the one the plan pins.
    """
    return _load(home.root, plan)


# Decoding pixels takes longer than a round of training; a snapshot never changes, so neither does this.
# Eight sites in one process are more than the in-process grid is meant for.
@lru_cache(maxsize=8)
def _load(root: Path, plan: TrainingPlan) -> SiteData:
    home = Home.open(root)
    key = project_key.read(home, plan.project)
    cohort = learner(plan.task).read(home, plan)
    with Exchange.open(home) as exchange:
        pseudonyms = exchange.project_pseudonyms(sorted(set(cohort.person_ids)), key.key, epoch=key.epoch)
    test = np.array(
        [in_test(key.key, pseudonyms[person], plan.test_fraction) for person in cohort.person_ids], dtype=bool
    )
    return SiteData(train=cohort.side(~test), test=cohort.side(test))


def forget() -> None:
    """Drop what was read from memory; a run calls it when it ends."""
    _load.cache_clear()
