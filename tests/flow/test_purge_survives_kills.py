"""Killed at any moment, a purge is completed by the same call, and removes neither less nor more."""

from __future__ import annotations

import datetime as dt
import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from byte_search import find
from hospital_that_forgets import OFFICER, Hospital
from hospital_with_a_past import FIRST_DAY_TOO_LATE, build_with_a_past, seen_only_then
from persons_in_a_lake import content, pinned

from federim.audit import trail
from federim.governance.retention import record
from federim.governance.retention.purge import purge
from federim.governance.verification import verify
from federim.lake import snapshot
from federim_pipelines.forgetting.beside import forget_persons

CHILD = Path(__file__).with_name("purging_child.py")
KILLS = 6
KILLS_BEFORE_A_RELEASE = 100
IN_THE_END = dt.date(2050, 1, 1)
COUNTS = ("snapshots", "releases", "revised", "tables", "objects", "persons", "persons_in_part", "rows_left")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return build_with_a_past(tmp_path_factory.mktemp("killed"))


def run_children(homes: dict[str, int], day: dt.date) -> dict[str, dict[str, Any]]:
    told = subprocess.run(
        [sys.executable, CHILD],
        input=json.dumps({"homes": homes, "day": day.isoformat()}),
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    outcomes: dict[str, dict[str, Any]] = json.loads(told.stdout)
    return outcomes


def counts(hospital: Hospital) -> list[dict[str, Any]]:
    """What the records of a hospital's purges say, the oldest first."""
    return [{name: each["record"][name] for name in COUNTS} for each in record.records(hospital.home)]


def frozen(hospital: Hospital) -> list[dict[str, list[dict[str, Any]]]]:
    """What is pinned by the snapshots, in the order in which they were made."""
    every = sorted(snapshot.every(hospital.home), key=lambda each: each.created_at)
    return [pinned(hospital.home, each.id) for each in every]


def check(hospital: Hospital, whole: Hospital, secrets: list[str], day: dt.date) -> None:
    """The home is as one in which nobody was killed."""
    purge(hospital.home, OFFICER, today=day, beside=[forget_persons])
    assert counts(hospital)[0] == counts(whole)[0]
    assert content(hospital.home) == content(whole.home)
    assert frozen(hospital) == frozen(whole)
    there, expected = (sorted(p.name for p in h.home.objects.rglob("*.dcm")) for h in (hospital, whole))
    assert there == expected
    assert [(hit.path, hit.form, hit.where) for hit in find(hospital.home.root, secrets)] == []
    assert trail.verify(hospital.home).ok
    for _ in hospital.home.releases.glob("*/manifest.json"):
        assert verify(hospital.home, hospital.release).files > 0
    assert not (hospital.home.purges / "journal").exists()


def kill_and_complete(hospital: Hospital, folder: Path, day: dt.date, kills: int) -> None:
    secrets = [each for someone in seen_only_then() for each in hospital.secrets(someone)]
    whole = hospital.copied(folder / "whole")
    [outcome] = run_children({str(whole.home.root): 0}, day).values()
    assert outcome["exit"] == 0
    touched = int(outcome["touched"])
    assert find(whole.home.root, secrets) == []
    # Spread over all moments, and not the same ones each time the suite is run.
    moments = [1 + (n * touched + random.randrange(touched)) // kills for n in range(kills)]
    killed = {str(folder / f"at-{n:03}"): moment for n, moment in enumerate(moments)}
    copies = [hospital.copied(Path(root)) for root in killed]
    outcomes = run_children(killed, day)
    for copy in copies:
        root = str(copy.home.root)
        note = f"killed at touch {killed[root]} of {touched}"
        # The last touches may come once less in a copy: then it completed.
        assert outcomes[root]["signal"] == signal.SIGKILL or outcomes[root]["exit"] == 0, note
        try:
            check(copy, whole, secrets, day)
        except AssertionError as error:
            raise AssertionError(f"{note}: {error}") from error


@pytest.mark.parametrize("day", [FIRST_DAY_TOO_LATE, IN_THE_END], ids=["some goes", "all goes"])
def test_a_kill_at_any_moment_is_made_good_by_the_same_call(
    hospital: Hospital, tmp_path: Path, day: dt.date
) -> None:
    kill_and_complete(hospital, tmp_path, day, KILLS)


@pytest.mark.full
@pytest.mark.parametrize("day", [FIRST_DAY_TOO_LATE, IN_THE_END], ids=["some goes", "all goes"])
def test_kills_at_many_moments_are_made_good(hospital: Hospital, tmp_path: Path, day: dt.date) -> None:
    kill_and_complete(hospital, tmp_path, day, KILLS_BEFORE_A_RELEASE)
