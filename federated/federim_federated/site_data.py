"""A site's examples for a plan, split into those that train and those that test."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from federim.governance.rights.whereabouts import persons_of
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.identity.rights import Rights
from federim.lake import snapshot
from federim.model.identifiers import Pseudonym
from federim.model.training import TrainingPlan
from federim_federated import pins, project_key
from federim_federated.examples import SiteData
from federim_federated.split import in_test
from federim_federated.tasks import learner


def load(home: Home, plan: TrainingPlan) -> SiteData:
    """What this site trains and tests on, without those who object to the plan's project.

    It is read once a process.

    Raises
    ------
    HomeError
        The site does not hold the project's key.
    UnknownName, LakeError, VerificationFailed
        The snapshot is not here, or is not the one the plan pins.
    """
    standing = snapshot.load(home, pins.snapshot_id(plan, home.name))
    with Rights.open(home) as rights:
        opposed = rights.opposed_to(plan.project, persons_of(home, standing))
    return _load(home.root, plan, standing.id, opposed)


# Decoding pixels takes longer than a round of training; a snapshot never changes, so neither does this.
# Its id is asked for each time, because one without a person may stand in its place since; and who objects.
# Eight sites in one process are more than the in-process grid is meant for.
@lru_cache(maxsize=8)
def _load(root: Path, plan: TrainingPlan, _snapshot: str, opposed: frozenset[Pseudonym]) -> SiteData:
    home = Home.open(root)
    key = project_key.read(home, plan.project)
    cohort = learner(plan.task).read(home, plan, without=opposed)
    with Exchange.open(home) as exchange:
        pseudonyms = exchange.project_pseudonyms(sorted(set(cohort.person_ids)), key.key, epoch=key.epoch)
    test = np.array(
        [in_test(key.key, pseudonyms[person], plan.test_fraction) for person in cohort.person_ids], dtype=bool
    )
    return SiteData(train=cohort.side(~test), test=cohort.side(test))


def forget() -> None:
    """Drop what was read from memory; a run calls it when it ends."""
    _load.cache_clear()
