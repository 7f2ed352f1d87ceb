"""Counts outlive restarts, add up under many hands, and cannot be rewritten unseen."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from federim.identity.keyserver.ledger import NAME, Granted, Ledger
from federim.identity.keyserver.quotas import Limit, Refusal
from federim.identity.keyserver.sites import Site
from federim.keys import SigningKey
from federim.model.errors import HomeError, StorageFull, VerificationFailed

SIGNING = SigningKey(bytes(32))
SITE = Site.of_size("alpha", 10_000, per_minute=2_000, per_day=2_000)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger whose clock stands still."""
    with Ledger(tmp_path, SIGNING, clock=lambda: 0.0) as opened:
        yield opened


def test_a_restart_gives_no_quota_back(tmp_path: Path) -> None:
    for _ in range(2):
        with Ledger(tmp_path, SIGNING, clock=lambda: 0.0) as ledger:
            assert isinstance(ledger.ask(SITE, 1, 1000), Granted)
    with Ledger(tmp_path, SIGNING, clock=lambda: 0.0) as ledger:
        assert ledger.ask(SITE, 1, 10) == Refusal(Limit.DAY, 10 * 86_400 / 2_000)
        assert ledger.totals() == {("alpha", 1): 2_000}


def test_sites_and_epochs_are_counted_apart_and_share_no_quota(ledger: Ledger) -> None:
    beta = Site.of_size("beta", 10_000)
    for site, epoch, points in ((SITE, 1, 1000), (beta, 1, 100), (SITE, 2, 1000), (beta, 1, 10)):
        assert isinstance(ledger.ask(site, epoch, points), Granted)
    assert ledger.totals() == {("alpha", 1): 1000, ("alpha", 2): 1000, ("beta", 1): 110}
    assert isinstance(ledger.ask(SITE, 2, 10), Refusal)  # a day is a day, whichever epoch is asked


def test_two_processes_and_many_threads_never_grant_more_than_the_quota(tmp_path: Path) -> None:
    granted: list[int] = []

    def ask(ledger: Ledger) -> None:
        for _ in range(30):
            if isinstance(ledger.ask(SITE, 1, 100), Granted):
                granted.append(100)

    with (
        Ledger(tmp_path, SIGNING, clock=lambda: 0.0) as one,
        Ledger(tmp_path, SIGNING, clock=lambda: 0.0) as other,
    ):
        threads = [threading.Thread(target=ask, args=(each,)) for each in (one, other, one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(granted) == 2_000
        assert one.totals() == {("alpha", 1): 2_000}


def alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path / NAME)
    for statement in ("DROP TRIGGER entry_stays", "DROP TRIGGER entry_is_final", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET points = 10 WHERE sequence = 2",
        "UPDATE entry SET site = 'beta' WHERE sequence = 2",
        "DELETE FROM entry WHERE sequence = 2",
        "DELETE FROM entry WHERE sequence = 3",
        # Whoever makes the sums agree is found out by the lines' own order.
        "DELETE FROM entry WHERE sequence = 2; UPDATE total SET points = 20",
        "UPDATE total SET points = 0",
        "DELETE FROM total",
    ],
)
def test_what_was_counted_is_not_rewritten_unseen(ledger: Ledger, tmp_path: Path, statement: str) -> None:
    for points in (10, 100, 10):
        ledger.ask(SITE, 1, points)
    assert ledger.totals() == {("alpha", 1): 120}
    alter(tmp_path, *statement.split("; "))
    with pytest.raises(VerificationFailed):
        ledger.totals()


@pytest.mark.parametrize("statement", ["DELETE FROM entry", "UPDATE entry SET points = 0"])
def test_the_file_itself_refuses_to_change_a_line(ledger: Ledger, tmp_path: Path, statement: str) -> None:
    ledger.ask(SITE, 1, 10)
    connection = sqlite3.connect(tmp_path / NAME)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def test_the_log_of_another_key_server_is_not_this_ones(ledger: Ledger, tmp_path: Path) -> None:
    ledger.ask(SITE, 1, 10)
    with Ledger(tmp_path, SigningKey(bytes([1]) * 32)) as other, pytest.raises(VerificationFailed):
        other.totals()


def test_a_damaged_file_grants_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"this is no database" * 1000)
    with pytest.raises(HomeError, match="nothing is evaluated that is not counted"):
        Ledger(tmp_path, SIGNING)


def test_a_full_disk_grants_nothing_and_loses_no_count(ledger: Ledger) -> None:
    ledger.ask(SITE, 1, 10)
    pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFull):
        for _ in range(100):
            ledger.ask(SITE, 1, 10)
    ledger._connection.execute("PRAGMA max_page_count = 1000000")
    counted = ledger.totals()["alpha", 1]
    assert isinstance(ledger.ask(SITE, 1, 10), Granted)
    assert ledger.totals()["alpha", 1] == counted + 10
