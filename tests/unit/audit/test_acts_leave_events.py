"""An act and its event are one transaction, and an event holds nothing but short tokens."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest
from django.db import DatabaseError, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim.audit import chain
from federim.audit.models import Event
from federim.audit.trail import acting, events, record, verify
from federim.database import alias
from federim.home import Home
from federim.model.errors import NotAllowed, UserError


def test_an_event_says_who_did_what_and_when(site: Home) -> None:
    with acting(site, "ada", "export.submit", request="2026-001") as detail:
        detail["rows"] = 12
    (event,) = events(site)
    assert (event.sequence, event.actor, event.act) == (1, "ada", "export.submit")
    assert event.detail == {"request": "2026-001", "rows": 12}
    assert event.at.tzinfo is not None
    assert verify(site).ok


def test_an_act_that_fails_leaves_no_event(site: Home) -> None:
    record(site, "ada", "export.request")
    with pytest.raises(ZeroDivisionError), acting(site, "ada", "export.submit"):
        raise ZeroDivisionError
    assert [event.act for event in events(site)] == ["export.request"]
    assert verify(site).ok


def test_an_event_that_cannot_be_written_undoes_the_act(site: Home) -> None:
    with pytest.raises(UserError), acting(site, "ada", "export.submit") as detail:
        record(site, "ada", "export.vote")
        detail["reason"] = "words with spaces"
    assert events(site) == []


def test_an_outer_rollback_takes_the_inner_event_and_the_head_stays(site: Home) -> None:
    record(site, "ada", "export.request")
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=alias(site)):
        record(site, "ada", "export.submit")
        raise ZeroDivisionError
    assert verify(site).events == 1
    record(site, "ada", "export.withdraw")
    assert verify(site).ok


@pytest.mark.parametrize(
    "detail",
    [
        {"reason": "Jean Martin, born 1950"},
        {"reason": "x" * 81},
        {"reason": "a\nb"},
        {"share": 0.5},
        {"all": None},
    ],
)
def test_free_text_is_refused_and_not_shown(site: Home, detail: dict[str, str]) -> None:
    with pytest.raises(UserError) as refused:
        record(site, "ada", "export.submit", **detail)
    assert str(next(iter(detail.values()))) not in str(refused.value)
    assert events(site) == []


@pytest.mark.parametrize(
    ("actor", "act"), [("", "export.submit"), ("Ada L", "export.submit"), ("ada", "submit")]
)
def test_actor_and_act_are_single_words(site: Home, actor: str, act: str) -> None:
    with pytest.raises(UserError):
        record(site, actor, act)


def test_events_are_listed_newest_first_by_family(site: Home) -> None:
    for act in ("export.request", "exported.not", "export.submit", "member.enrol"):
        record(site, "ada", act)
    assert [event.act for event in events(site, act="export")] == ["export.submit", "export.request"]
    assert [event.act for event in events(site, limit=1)] == ["member.enrol"]


def test_the_model_refuses_to_change_or_remove_an_event(site: Home) -> None:
    record(site, "ada", "export.submit")
    (event,) = events(site)
    event.actor = "eve"
    for change in (
        event.save,
        event.delete,
        lambda: Event.objects.using(alias(site)).update(actor="eve"),
        lambda: Event.objects.using(alias(site)).delete(),
    ):
        with pytest.raises(NotAllowed):
            change()
    assert verify(site).ok


@pytest.mark.parametrize("sql", ["UPDATE audit_event SET actor = 'eve'", "DELETE FROM audit_event"])
def test_the_database_refuses_too(site: Home, sql: str) -> None:
    record(site, "ada", "export.submit")
    with pytest.raises(DatabaseError, match="append-only"), connections[alias(site)].cursor() as cursor:
        cursor.execute(sql)


def test_the_lock_is_its_owners_alone_too(site: Home) -> None:
    record(site, "ada", "export.request")
    assert stat.S_IMODE((site.root / ".audit.lock").stat().st_mode) == 0o600


def test_the_head_is_its_owners_alone(site: Home) -> None:
    record(site, "ada", "export.submit")
    assert stat.S_IMODE((site.root / "audit.head").stat().st_mode) == 0o600


WRITE_HUNDRED = """
import sys
from pathlib import Path
from federim.audit.trail import record
from federim.home import Home
home = Home.open(Path(sys.argv[1]))
for number in range(100):
    record(home, sys.argv[2], "trial.write", number=number)
"""


def test_two_processes_write_one_chain(site: Home) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE_HUNDRED, str(site.root), name])
        for name in ("ada", "bob")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    found = verify(site)
    assert (found.events, found.ok, found.reason) == (200, True, "")
    assert {event.actor for event in events(site)} == {"ada", "bob"}


@given(
    detail=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.integers(-(2**53), 2**53) | st.from_regex(r"\S{0,80}", fullmatch=True),
        max_size=4,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_accepted_verifies(site: Home, detail: dict[str, str | int]) -> None:
    try:
        chain.check_words("ada", "trial.write", detail)
    except UserError:
        return
    record(site, "ada", "trial.write", **detail)
    assert verify(site).ok
