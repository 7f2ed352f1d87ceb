"""An alarm is in the log, on the error output and in a file; the same one not more than once a minute."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from federim.identity.keyserver.alarms import Alarm, Alarms
from federim.identity.keyserver.ledger import Ledger
from federim.keys import SigningKey


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path, SigningKey(bytes(32))) as opened:
        yield opened


def test_who_knocks_all_night_fills_one_line_a_minute(ledger: Ledger, clock: Clock, tmp_path: Path) -> None:
    alarms = Alarms(ledger, tmp_path / "alarms.jsonl", clock)
    for second in range(150):
        clock.now = float(second)
        alarms.sound(Alarm.STRANGER, certificate="ab" * 32)
        alarms.sound(Alarm.DAY, site="alpha", epoch=1, points=1000)
    assert [entry.kind for entry in ledger.alarms()] == ["unknown-certificate", "day-quota"] * 3
    lines = [json.loads(line) for line in (tmp_path / "alarms.jsonl").read_text().splitlines()]
    assert [(line["kind"], line["site"], line["points"]) for line in lines[:2]] == [
        ("unknown-certificate", "", 0),
        ("day-quota", "alpha", 1000),
    ]


def test_one_sites_alarm_does_not_hide_anothers(ledger: Ledger, clock: Clock) -> None:
    alarms = Alarms(ledger, clock=clock)
    for site in ("alpha", "beta", "alpha"):
        alarms.sound(Alarm.CEILING, site=site)
    assert [entry.site for entry in ledger.alarms()] == ["alpha", "beta"]


def test_a_file_that_cannot_be_written_keeps_no_site_waiting(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        Alarms(ledger, tmp_path / "gone" / "alarms.jsonl").sound(Alarm.DAY, site="alpha")
    assert "cannot be written to (FileNotFoundError)" in caplog.text
    assert len(ledger.alarms()) == 1
