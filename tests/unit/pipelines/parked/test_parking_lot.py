"""The lot keeps what is damaged or refused, and reads every piece on the terms it was given on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from federim.home import Home
from federim.model.errors import VerificationFailed
from federim_pipelines.items import Fate, Item
from federim_pipelines.parked.counts import counted
from federim_pipelines.parked.lot import Bay, ParkingLot
from federim_pipelines.parked.resuming import DAMAGED, resume
from federim_pipelines.parked.terms import Terms
from federim_pipelines.settling import Settlement
from federim_pipelines.worker import Task


@pytest.fixture
def bay(site: Home) -> Bay:
    return ParkingLot(site).bay(Terms.of(Task(site.root, "research", None, 2026)))


@pytest.fixture
def parked(bay: Bay, write_file: Callable[..., Item]) -> list[Path]:
    """Three pieces, of files that nobody can read."""
    for number in range(3):
        item = write_file(f"{number}.txt", f"hello {number}", source="folder")
        bay.keep(item, name=f"{number}.txt", digest=bytes(32))
    return [piece.path for piece in bay.first(9)]


def test_terms_hold_the_files_a_run_was_given(site: Home, tmp_path: Path) -> None:
    for name in ("policy", "mapping"):
        (tmp_path / name).mkdir()
    policy, mapping = tmp_path / "policy/site.toml", tmp_path / "mapping/site.toml"
    policy.write_text('name = "site"\nbase = "research"\n')
    mapping.write_text("# é\n")
    told = Task(site.root, str(policy), mapping, 2026, issuer="CHU", test_identities=True)
    terms = Terms.load(Terms.of(told).as_bytes())
    assert terms == Terms.of(told) != Terms.of(replace(told, issuer=""))
    with terms.task(site, year=2027, denied=frozenset({"x"})) as task:
        assert (task.issuer, task.test_identities, task.year) == ("CHU", True, 2027)
        assert Path(task.policy).read_text() == policy.read_text() and Path(task.policy).stem == "site"
        assert task.mapping is not None and task.mapping.read_text(encoding="utf-8") == "# é\n"
    assert list(site.staging.iterdir()) == []


def test_a_changed_file_of_a_run_makes_other_terms(site: Home, tmp_path: Path) -> None:
    policy = tmp_path / "site.toml"
    policy.write_text('base = "research"\n')
    task = Task(site.root, str(policy), None, 2026)
    before = Terms.of(task)
    policy.write_text('base = "strict"\n')
    assert Terms.of(task) != before


@pytest.mark.parametrize(
    ("refused", "opposed", "waits", "left"),
    [
        (False, False, False, "nowhere"),
        (True, False, False, "refused"),
        (True, True, False, "nowhere"),  # data of who objects are not kept for looking into
        (True, True, True, "waiting"),
        (False, False, True, "waiting"),
    ],
)
def test_a_settled_piece_goes_or_stays(
    bay: Bay, parked: list[Path], refused: bool, opposed: bool, waits: bool, left: str
) -> None:
    bay.settle(parked[0], Settlement(fate=Fate.ACCEPTED, refused=refused, opposed=opposed, parked=waits))
    names = {
        "refused": {path.name for path in bay.refused},
        "waiting": {piece.path.name for piece in bay.waiting()},
    }
    assert [place for place, found in names.items() if parked[0].name in found] == (
        [] if left == "nowhere" else [left]
    )


def test_what_the_lake_refuses_is_kept_and_can_be_tried_again(
    site: Home, bay: Bay, parked: list[Path]
) -> None:
    resumed = resume(site)
    assert (resumed.pieces, resumed.runs[0].quarantined, ParkingLot(site).is_empty) == (3, 3, True)
    assert counted(site).refused == 3
    bay.readmit()
    again = resume(site)
    assert (again.pieces, again.runs[0].reasons) == (3, resumed.runs[0].reasons)
    assert again.runs[0].rows == {}  # the same refusals are the same rows


def test_a_damaged_piece_stays_and_keeps_no_other_back(site: Home, bay: Bay, parked: list[Path]) -> None:
    parked[1].chmod(0o600)
    parked[1].write_bytes(bytes(100))
    assert bay.damaged == 1
    resumed = resume(site)
    assert (resumed.pieces, resumed.stuck) == (2, [f"1 parked pieces: {DAMAGED}"])
    assert (counted(site).damaged, counted(site).waiting.total()) == (1, 0)
    assert parked[1].exists()


def test_under_another_root_key_everything_stays(site: Home, bay: Bay, parked: list[Path]) -> None:
    key = site.keys / "root.key"
    right = key.read_bytes()
    key.chmod(0o600)
    key.write_bytes(bytes(32))
    other = Home.open(site.root)
    with pytest.raises(VerificationFailed):
        _ = next(ParkingLot(other).bays()).terms
    assert resume(other).stuck and resume(other).pieces == 0
    key.write_bytes(right)
    assert resume(Home.open(site.root)).pieces == 3


def test_what_a_killed_run_left_is_removed(site: Home, bay: Bay, parked: list[Path]) -> None:
    left = parked[0].parents[1] / "tmpx.part"
    left.write_bytes(b"begun")
    (site.staging / "terms-x").mkdir()
    resume(site)
    assert not left.exists() and not (site.staging / "terms-x").exists()
