"""A plan that pins a snapshot trains on the one that stands in its place since an erasure, and no other."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim.lake import snapshot
from federim.lake.reader import connect_home, query
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import Lake
from federim.model.errors import UnknownName, VerificationFailed
from federim.model.identifiers import Pseudonym
from federim.model.training import TrainingPlan
from federim_federated import pins, site_data


@pytest.fixture
def home(alpha: Home, tmp_path: Path) -> Home:
    """The first site, to be changed: the others keep theirs."""
    return Home.open(shutil.copytree(alpha.root, tmp_path / "alpha"))


@pytest.fixture
def plan(consortium: Any, plan_name: str) -> TrainingPlan:
    drafted: TrainingPlan = consortium.drafted(plan_name).plan
    return drafted


def someone(home: Home) -> Pseudonym:
    with connect_home(home) as connection:
        found = query(connection, "SELECT min(person_id) AS p FROM condition_occurrence", seconds=9)
    return Pseudonym(found["p"][0].as_py())


def test_the_revision_is_what_the_plan_pinned(home: Home, plan: TrainingPlan) -> None:
    before, read = pins.pinned(home, plan), site_data.load(home, plan)
    with Lake(home).writing() as writer:
        rewrite(home, writer, Change(person_id=someone(home), into=None))
    after = pins.pinned(home, plan)
    assert (after.persons, after.cohort) == (before.persons - 1, before.cohort)
    again = site_data.load(home, plan)  # in one process, which had read the persons that were
    assert again.train.persons + again.test.persons == read.train.persons + read.test.persons - 1
    site_data.forget()


def test_a_snapshot_that_is_not_its_heir_is_refused(home: Home, plan: TrainingPlan) -> None:
    other = dataclasses.replace(
        plan, sites=tuple(dataclasses.replace(pin, sha256="0" * 64) for pin in plan.sites)
    )
    with pytest.raises(UnknownName):
        pins.pinned(home, other)
    [old] = snapshot.every(home)
    with Lake(home).writing() as writer:
        rewrite(home, writer, Change(person_id=someone(home), into=None))
    beginning = old.sha256[:12] + "0" * 52  # what names the folder is the beginning of a hash alone
    other = dataclasses.replace(
        plan, sites=tuple(dataclasses.replace(pin, sha256=beginning) for pin in plan.sites)
    )
    with pytest.raises(VerificationFailed, match="not the one that training plan"):
        pins.pinned(home, other)
