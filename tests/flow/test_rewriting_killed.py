"""Killed at any step, the change of a person is completed by the same again, and tells the whole of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from byte_search import find
from persons_in_a_lake import change, content, digest, fill, pinned, traces

from federim.database import migrate
from federim.home import Home, Role
from federim.lake import snapshot, tables
from federim.lake.reader import connect_home, query
from federim.lake.rewriting import rewrite
from federim.lake.tables import Lake

PERSONS = ["p0", "p1", "p2"]
STEPS = 71  # between two kills; a run before a release kills at each step


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(tables, "FILES_BETWEEN_RUNS", 1)
    home = Home.create(tmp_path / "alpha", role=Role.SITE, name="alpha")
    migrate(home)
    fill(home, PERSONS)
    return home


def killed_copies(home: Home, old: str, new: str | None, first: int, stride: int) -> list[Home]:
    """Copies of the home in which a change was killed, each some steps later than the last."""
    script = Path(__file__).with_name("killed_rewriting.py")
    words = [sys.executable, script, home.root, old, new or "", str(first), str(stride)]
    child = subprocess.run(words, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    copies = range(1, int(child.stdout) + 1)
    return [Home.open(home.root.with_name(f"{home.root.name}-{number}")) for number in copies]


def check_killed_changes(hospital: Home, new: str | None, first: int, stride: int) -> int:
    frozen = [one.id for one in snapshot.every(hospital)]
    unhurt = Home.open(shutil.copytree(hospital.root, hospital.root.with_name("unhurt")))
    with Lake(unhurt).writing() as writer:
        expected = rewrite(unhurt, writer, change(unhurt, "p0", new))
    copies = killed_copies(hospital, "p0", new, first, stride)
    for step, home in enumerate(copies):
        # As the kill left it the lake answers, and nobody else lost a row.
        with connect_home(home) as connection:
            query(connection, "SELECT count(*) FROM measurement", seconds=60)
        assert content(home)[digest("p2")] == content(unhurt)[digest("p2")], step
        for id_ in frozen:
            assert snapshot.verify(home, snapshot.load(home, id_)), step
        with Lake(home).writing() as writer:
            done = rewrite(home, writer, change(home, "p0", new))
        assert find(home.root, traces("p0")) == [], step
        assert content(home) == content(unhurt), step
        assert {id_: pinned(home, id_) for id_ in frozen} == {id_: pinned(unhurt, id_) for id_ in frozen}, (
            step
        )
        assert done.rows_left == 0
        if done.tables:
            assert (done.tables, done.files_rewritten) == (expected.tables, expected.files_rewritten), step
            assert done.snapshots.keys() == set(frozen), step
        left = {path.name for path in home.staging.iterdir()}
        assert left <= {"writer.lock", "copies.lock"}, step
        shutil.rmtree(home.root)
    return len(copies)


@pytest.mark.parametrize("new", [None, "p1"], ids=["taken out", "becomes another"])
def test_killed_now_and_then_the_same_again_completes(hospital: Home, new: str | None) -> None:
    assert check_killed_changes(hospital, new, STEPS // 2 if new else STEPS // 5, STEPS) > 3


@pytest.mark.full
@pytest.mark.parametrize("new", [None, "p1"], ids=["taken out", "becomes another"])
def test_killed_at_each_step_the_same_again_completes(hospital: Home, new: str | None) -> None:
    assert check_killed_changes(hospital, new, 1, 1) > 100
