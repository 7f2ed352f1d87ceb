"""What arrives is read when it has stopped coming, or has waited long enough."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake.tables import Lake
from federim.model.errors import LakeError, StorageFull, UserError
from federim_pipelines import behind
from federim_pipelines.accounting import RunReport
from federim_pipelines.behind import Draining, Patience, drain_behind
from federim_pipelines.spool import FILES_A_RUN, Spool


def test_it_waits_while_images_come_and_reads_once_they_have_stopped() -> None:
    patience = Patience(quiet=10, longest=100)
    assert [patience.ends(count, now) for now, count in enumerate(range(1, 8))] == [False] * 7
    assert not patience.ends(7, 15.9)
    assert patience.ends(7, 16)


def test_who_sends_without_pause_does_not_wait_for_ever() -> None:
    patience = Patience(quiet=10, longest=100)
    moments = [now for now in range(300) if patience.ends(now + 1, now)]
    assert moments[0] == 100


def test_many_are_read_at_once() -> None:
    assert Patience(quiet=10).ends(FILES_A_RUN, 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 100)), max_size=30))
def test_nothing_is_never_read(steps: list[tuple[int, float]]) -> None:
    patience, now = Patience(quiet=0), 0.0
    for count, seconds in steps:
        now += seconds
        assert patience.ends(count, now) is (count > 0)


def test_the_lake_gets_what_arrives_once_nobody_else_is_writing(site: Home) -> None:
    spool, stopped = Spool(site, "dicom"), threading.Event()
    with spool.writing("5eed" * 8) as file:
        file.write(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    runs: list[RunReport] = []
    refusals: list[UserError] = []
    other = Lake(site).writing()
    other.__enter__()

    def done(report: RunReport) -> None:
        runs.append(report)
        stopped.set()

    def refused(error: UserError) -> None:
        if not refusals:
            other.__exit__(None, None, None)
        refusals.append(error)

    drain_behind(spool, Draining(), stopped, quiet=0, done=done, refused=refused)
    assert [type(error) for error in refusals] == [LakeError]
    assert [report.accepted for report in runs] == [1]
    assert spool.waiting == []


def test_a_full_disk_is_told_once(site: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "SECONDS_BETWEEN_LOOKS", 0.0)
    spool, stopped = Spool(site, "dicom", reserve=1 << 60), threading.Event()
    looks: list[int] = []
    checked = spool.check_room

    def check_room() -> None:
        looks.append(1)
        if len(looks) == 3:
            stopped.set()
        checked()

    monkeypatch.setattr(spool, "check_room", check_room)
    told: list[UserError] = []
    drain_behind(spool, Draining(), stopped, done=lambda _: None, refused=told.append)
    assert [type(error) for error in told] == [StorageFull]
    assert len(looks) == 3
