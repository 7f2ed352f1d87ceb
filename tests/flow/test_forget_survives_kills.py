"""Killed at any moment, the erasure of a person is completed by the same call, and nothing is left."""

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
from hospital_that_forgets import OFFICER, Hospital, build, leave_raw_images, people

from federim.audit import trail
from federim.cli.rights import places
from federim.governance.rights import record
from federim.governance.rights.erasure import forget
from federim.governance.rights.record import ErasureRecord
from federim.governance.verification import verify
from federim.identity.rights import Rights
from federim_pipelines.run import ingest

CHILD = Path(__file__).with_name("forgetting_child.py")
KILLS = 10
KILLS_BEFORE_A_RELEASE = 120
WHO = people()[0]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    folder = tmp_path_factory.mktemp("killed")
    made = build(folder)
    leave_raw_images(made.home, folder)
    return made


def run_children(homes: dict[str, int]) -> dict[str, dict[str, Any]]:
    told = subprocess.run(
        [sys.executable, CHILD],
        input=json.dumps({"homes": homes, "number": WHO.ipp}),
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    outcomes: dict[str, dict[str, Any]] = json.loads(told.stdout)
    return outcomes


def forgotten(hospital: Hospital) -> ErasureRecord:
    with Rights.open(hospital.home) as rights:
        whom = rights.find.by_ipp(WHO.ipp)
        return forget(hospital.home, rights, whom, outside=places(rights), actor=OFFICER)


def check(hospital: Hospital, secrets: list[str], undisturbed: dict[str, Any]) -> None:
    """The home is as if nobody had been killed, and the person is nowhere in it."""
    again = forgotten(hospital)
    records = [each["record"] for each in record.every(hospital.home)]
    told = [{name: each[name] for name in undisturbed} for each in records]
    assert undisturbed in told, "the record that was undisturbed is one of those"
    assert again.rows_left == 0
    assert [(hit.path, hit.form, hit.where) for hit in find(hospital.home.root, secrets)] == []
    assert verify(hospital.home, hospital.release).files > 0
    assert trail.verify(hospital.home).ok
    with Rights.open(hospital.home) as rights:
        assert rights.pending() == []


def test_a_kill_at_any_moment_is_made_good_by_the_same_call(hospital: Hospital, tmp_path: Path) -> None:
    kill_and_complete(hospital, tmp_path, KILLS)


@pytest.mark.full
def test_kills_at_many_moments_are_made_good(hospital: Hospital, tmp_path: Path) -> None:
    kill_and_complete(hospital, tmp_path, KILLS_BEFORE_A_RELEASE)


def kill_and_complete(hospital: Hospital, folder: Path, kills: int) -> None:
    secrets = hospital.secrets(WHO)
    whole = hospital.copied(folder / "whole")
    [outcome] = run_children({str(whole.home.root): 0}).values()
    assert outcome["exit"] == 0
    touched = int(outcome["touched"])
    assert find(whole.home.root, secrets) == []
    [written] = record.every(whole.home)
    undisturbed = {
        name: written["record"][name]
        for name in ("tables", "files_rewritten", "snapshots", "releases_revised", "rows_left")
    }
    assert undisturbed["rows_left"] == 0 < undisturbed["tables"]["measurement"]
    # Spread over all moments, and not the same ones each time the suite is run.
    moments = [1 + (n * touched + random.randrange(touched)) // kills for n in range(kills)]
    killed = {str(folder / f"at-{n:03}"): moment for n, moment in enumerate(moments)}
    copies = [hospital.copied(Path(root)) for root in killed]
    outcomes = run_children(killed)
    for copy in copies:
        root = str(copy.home.root)
        note = f"killed at touch {killed[root]} of {touched}"
        # The last touches may come once less in a copy: then it completed.
        assert outcomes[root]["signal"] == signal.SIGKILL or outcomes[root]["exit"] == 0, note
        try:
            check(copy, secrets, undisturbed)
        except AssertionError as error:
            raise AssertionError(f"{note}: {error}") from error


def test_what_a_kill_left_is_completed_before_anything_is_read(hospital: Hospital, tmp_path: Path) -> None:
    secrets = hospital.secrets(WHO)
    copy = hospital.copied(tmp_path / "begun")
    with Rights.open(copy.home) as rights:
        rights.oppose(rights.find.by_ins(WHO.ins), actor=OFFICER)
    done = subprocess.run(
        [Path(sys.executable).with_name("federim"), "--home", copy.home.root, "ingest", copy.inbox, "--json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reasons"].keys() == {"opposed"}
    assert find(copy.home.root, secrets) == []


def test_whoever_objects_is_refused_while_their_erasure_waits(hospital: Hospital, tmp_path: Path) -> None:
    copy = hospital.copied(tmp_path / "listed")
    before = copy.rows()
    with Rights.open(copy.home) as rights:
        rights.oppose(rights.find.by_ins(WHO.ins), actor=OFFICER)
    report = ingest(copy.home, [copy.told(WHO)], actor=OFFICER)
    assert report.accepted == 0 and report.reasons.keys() == {"opposed"}
    assert copy.rows() == before
