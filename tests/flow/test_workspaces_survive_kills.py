"""Killed at any moment, a workspace is whole or not there, and who had to leave it is gone in the end."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from byte_search import find
from hospital_that_forgets import Hospital, people
from workspaces_of_a_site import KEYS, built, hospital_with_annotations, rows

from federim.audit import trail
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.lake import workspace as workspaces
from federim.lake.workspace import Workspace
from federim.model.identifiers import Pseudonym
from federim_pipelines.workspace.register import every
from federim_pipelines.workspace.settle import have_leave

CHILD = Path(__file__).with_name("workspace_child.py")
KILLS = 4
KILLS_BEFORE_A_RELEASE = 40
WHO = people()[0]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return hospital_with_annotations(tmp_path_factory.mktemp("site"))


def child(hospital: Hospital, act: str, to: Path, at: int) -> int:
    """Have a process do it, and kill itself at the touch `at`; how many touches there were at 0."""
    told: dict[str, Any] = {"act": act, "root": str(hospital.home.root), "to": str(to), "at": at}
    told["person"] = hospital.pseudonym(WHO)
    done = subprocess.run([sys.executable, CHILD, json.dumps(told)], capture_output=True, text=True)
    if at == 0:
        assert done.returncode == 0, done.stderr
        return int(done.stdout)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return 0


def content(workspace: Workspace) -> dict[str, str]:
    return {each.path: each.sha256 for each in workspace.files}


def objects(place: Path) -> list[str]:
    return sorted(path.name for path in place.glob("objects/**/*.dcm"))


def moments(touched: int, kills: int) -> list[int]:
    """Where to kill: the first and the last touch among them."""
    assert touched > kills
    return sorted({1, touched, *random.Random(7).sample(range(2, touched), kills - 2)})


def test_a_build_that_is_killed_is_completed_by_the_same_call(hospital: Hospital, tmp_path: Path) -> None:
    kill_builds(hospital.copied(tmp_path / "alpha"), tmp_path, KILLS)


@pytest.mark.full
def test_builds_killed_at_many_moments_are_completed(hospital: Hospital, tmp_path: Path) -> None:
    kill_builds(hospital.copied(tmp_path / "alpha"), tmp_path, KILLS_BEFORE_A_RELEASE)


def kill_builds(hospital: Hospital, folder: Path, kills: int) -> None:
    touched = child(hospital, "build", folder / "clean", 0)
    clean = workspaces.open_checked(Home.open(folder / "clean"))
    for at in moments(touched, kills):
        place = folder / f"killed-{at}"
        child(hospital, "build", place, at)
        if not place.exists():
            built(hospital.home, "one", place, pixels=True)
        assert content(workspaces.open_checked(Home.open(place))) == content(clean)
        assert objects(place) == objects(folder / "clean")
        assert [path for path in folder.iterdir() if path.name.startswith(".")] == []
        assert [each.id for each in every(hospital.home) if each.place == place] == [
            workspaces.read(Home.open(place)).id
        ]
    assert trail.verify(hospital.home).ok


def test_who_leaves_is_gone_though_it_is_killed(hospital: Hospital, tmp_path: Path) -> None:
    kill_leaving(hospital, tmp_path, KILLS)


@pytest.mark.full
def test_who_leaves_is_gone_though_it_is_killed_at_many_moments(hospital: Hospital, tmp_path: Path) -> None:
    kill_leaving(hospital, tmp_path, KILLS_BEFORE_A_RELEASE)


def kill_leaving(hospital: Hospital, folder: Path, kills: int) -> None:
    first = hospital.copied(folder / "first")
    built(first.home, "one", folder / "one", pixels=True)
    secrets = traces(first, folder / "one")
    touched = child(first, "leave", folder / "one", 0)
    clean = workspaces.open_checked(Home.open(folder / "one"))
    assert find(folder / "one", secrets) == []
    for at in moments(touched, kills):
        copied, place = hospital.copied(folder / f"site-{at}"), folder / f"killed-{at}"
        built(copied.home, "one", place, pixels=True)
        child(copied, "leave", place, at)
        done = have_leave(copied.home, [Pseudonym(copied.pseudonym(WHO))])
        assert done.pending == 0
        assert find(place, secrets) == []
        assert find(copied.home.workspaces.parent, secrets, beside=["objects", "lake"]) == []
        found = workspaces.open_checked(Home.open(place))
        assert (found.objects, objects(place)) == (clean.objects, objects(folder / "one"))
        for name in found.tables:
            assert sorted(map(str, rows(place, name))) == sorted(map(str, rows(folder / "one", name)))


def traces(hospital: Hospital, place: Path) -> list[str]:
    """The person's pseudonym in the project, and all keys of their rows."""
    person = Pseudonym(hospital.pseudonym(WHO))
    with Exchange.open(hospital.home) as exchange:
        own = exchange.project_pseudonyms([person], KEYS["one"])[person]
    told = [
        row for name in ("instance", "instance_file", "measurement", "report") for row in rows(place, name)
    ]
    theirs = [row for row in told if row["person_id"] == own]
    return sorted(
        {each for row in theirs for each in row.values() if isinstance(each, str) and len(each) >= 32}
    )
