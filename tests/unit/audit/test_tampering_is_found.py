"""Whoever can write to the database, but has not the home's key, cannot change the trail unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connections

from federim.audit import chain
from federim.audit.trail import events, record, verify
from federim.database import alias
from federim.home import Home

EVENTS = 9


@pytest.fixture
def trail(site: Home) -> Home:
    """A home of nine events whose triggers an intruder has dropped."""
    for number in range(EVENTS):
        record(site, "ada", "export.vote", number=number)
    run(site, "DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete")
    assert verify(site).ok
    return site


def run(home: Home, *statements: str) -> None:
    with connections[alias(home)].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'eve'",
        "act = 'export.refuse'",
        "detail = '{\"number\": 77}'",
        "at = '2020-01-01 00:00:00'",
        f"previous = '{'0' * 64}'",
        f"hash = '{'f' * 64}'",
        f"signature = '{'0' * 128}'",
    ],
)
def test_a_changed_event_is_found_where_it_is(trail: Home, change: str) -> None:
    run(trail, f"UPDATE audit_event SET {change} WHERE sequence = 5")
    found = verify(trail)
    assert (found.ok, found.broken_at) == (False, 5)


def test_a_removed_event_is_found(trail: Home) -> None:
    run(trail, "DELETE FROM audit_event WHERE sequence = 4")
    found = verify(trail)
    assert (found.ok, found.broken_at, found.reason) == (False, 4, "an event is missing here")


def test_a_removed_event_is_found_though_the_others_close_ranks(trail: Home) -> None:
    run(
        trail,
        "DELETE FROM audit_event WHERE sequence = 4",
        "UPDATE audit_event SET sequence = -sequence WHERE sequence > 4",
        "UPDATE audit_event SET sequence = -sequence - 1 WHERE sequence < 0",
    )
    assert (verify(trail).ok, verify(trail).broken_at) == (False, 4)


@pytest.mark.parametrize("kept", [EVENTS - 1, 1, 0])
def test_a_removed_tail_is_found(trail: Home, kept: int) -> None:
    run(trail, f"DELETE FROM audit_event WHERE sequence > {kept}")
    assert (verify(trail).ok, verify(trail).broken_at) == (False, kept + 1)


def test_events_in_another_order_are_found(trail: Home) -> None:
    run(
        trail,
        "UPDATE audit_event SET sequence = 100 WHERE sequence = 3",
        "UPDATE audit_event SET sequence = 3 WHERE sequence = 4",
        "UPDATE audit_event SET sequence = 4 WHERE sequence = 100",
    )
    assert (verify(trail).ok, verify(trail).broken_at) == (False, 3)


def test_an_inserted_event_is_found_though_its_hash_is_right(trail: Home) -> None:
    with connections[alias(trail)].cursor() as cursor:
        cursor.execute("SELECT hash, at FROM audit_event WHERE sequence = %s", [EVENTS])
        previous, _ = cursor.fetchone()
        written = datetime(2026, 1, 1, tzinfo=UTC)
        forged = chain.event_hash(
            sequence=EVENTS + 1, at=written, actor="eve", act="export.vote", detail={}, previous=previous
        )
        cursor.execute(
            "INSERT INTO audit_event (sequence, at, actor, act, detail, previous, hash, signature) "
            f"SELECT {EVENTS + 1}, '2026-01-01 00:00:00', 'eve', 'export.vote', '{{}}', %s, %s, signature "
            "FROM audit_event WHERE sequence = 1",
            [previous, forged],
        )
    assert (verify(trail).ok, verify(trail).broken_at) == (False, EVENTS + 1)


def test_an_event_of_another_past_is_found_though_hash_and_signature_are_right(trail: Home) -> None:
    """An intruder who replays a backup, lets it grow again, and puts an event of the first past into it."""
    columns = "sequence, at, actor, act, detail, previous, hash, signature"
    run(
        trail,
        f"CREATE TABLE kept AS SELECT {columns} FROM audit_event WHERE sequence = 7",
        "DELETE FROM audit_event WHERE sequence > 5",
    )
    for number in range(EVENTS):
        record(trail, "eve", "export.vote", number=number)
    run(
        trail,
        "DELETE FROM audit_event WHERE sequence = 7",
        f"INSERT INTO audit_event ({columns}) SELECT {columns} FROM kept",
    )
    assert (verify(trail).ok, verify(trail).broken_at) == (False, 7)


def test_a_head_that_comes_late_does_not_take_the_place_of_a_newer_one(trail: Home) -> None:
    first = events(trail)[-1]
    chain.advance_head(trail, chain.Head(events=1, hash=first.hash))
    known = chain.read_head(trail)
    assert known is not None
    assert known.events == EVENTS


def test_a_rewritten_tail_is_found_by_the_head(trail: Home) -> None:
    """An intruder who replays a backup of the database and lets it grow again."""
    run(trail, "DELETE FROM audit_event WHERE sequence > 5")
    for number in range(EVENTS):
        record(trail, "eve", "export.vote", number=number)
        found = verify(trail)
        assert (found.ok, found.broken_at) == (False, min(5 + number + 2, EVENTS))


def damaged(home: Home) -> None:
    (home.root / "audit.head").write_text("{")


def removed(home: Home) -> None:
    (home.root / "audit.head").unlink()


def shortened(home: Home) -> None:
    path = home.root / "audit.head"
    path.write_text(json.dumps({**json.loads(path.read_text()), "events": 3}))


@pytest.mark.parametrize("damage", [damaged, removed, shortened])
def test_a_head_that_is_not_as_signed_is_found(trail: Home, damage: Callable[[Home], None]) -> None:
    damage(trail)
    assert not verify(trail).ok


def test_another_homes_events_do_not_pass(trail: Home, make_home: Callable[..., Home]) -> None:
    other = make_home("beta")
    record(other, "ada", "export.vote", number=0)
    with connections[alias(other)].cursor() as cursor:
        cursor.execute("SELECT at, actor, act, detail, previous, hash, signature FROM audit_event")
        row = cursor.fetchone()
    run(trail, "DELETE FROM audit_event")
    with connections[alias(trail)].cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (sequence, at, actor, act, detail, previous, hash, signature) "
            "VALUES (1, %s, %s, %s, %s, %s, %s, %s)",
            row,
        )
    removed(trail)
    assert verify(trail).broken_at == 1
