"""The trail and governance hold on every database a home may be on."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from federim.audit.models import Event
from federim.audit.trail import acting, events, record, verify
from federim.database import alias, migrate
from federim.governance import decisions, documents, requests, reviews, votes
from federim.governance.assessment import record_report
from federim.governance.documents import Kind
from federim.governance.forms import definition_from
from federim.governance.members import enrol
from federim.governance.models import Request, Vote
from federim.home import Home
from federim.model.errors import NotAllowed, StateRefused
from federim.model.export import Ballot, MemberRole, Status

TODAY = date(2026, 3, 2)
FORM = {
    "project": "crp-study",
    "purpose": "scientific-research",
    "question": "Does C-reactive protein differ by gender?",
    "route": "mr-004",
    "reference": "F20260001",
    "snapshots": [{"site": "centre", "id": "everyone-0123", "sha256": "0" * 64}],
    "tables": [{"name": "n", "from": "person", "why": "to describe", "measures": ["persons"]}],
}
WRITE_HUNDRED = """
import sys
from pathlib import Path
from federim.audit.trail import record
from federim.home import Home
home = Home.open(Path(sys.argv[1]))
for number in range(100):
    record(home, sys.argv[2], "trial.write", number=number)
"""


def in_review(home: Home) -> str:
    """A request in review, its risk report signed without a lake."""
    for name, role in {
        "carl": MemberRole.COORDINATOR,
        "ada": MemberRole.RESEARCHER,
        "mia": MemberRole.COMMITTEE,
        "noe": MemberRole.COMMITTEE,
    }.items():
        enrol(home, "carl", name, [role])
    number = requests.request(home, "ada", definition_from(FORM)).number
    package = requests.revision_of(requests.request_numbered(home, number)).sha256
    report = {"site": "centre", "package": package, "acceptable": True}
    record_report(home, "carl", documents.sign(home, Kind.REPORT, {"report": report, "text": "fine"}))
    requests.submit(home, "ada", number)
    reviews.open_review(home, "carl", number, due=TODAY + timedelta(days=7))
    return number


def test_an_act_and_its_event_are_one_transaction(centre_home: Home) -> None:
    with pytest.raises(ZeroDivisionError), acting(centre_home, "ada", "export.request"):
        raise ZeroDivisionError
    record(centre_home, "ada", "export.request", request="2026-001", rows=3)
    (event,) = events(centre_home)
    assert (event.sequence, event.detail) == (1, {"request": "2026-001", "rows": 3})
    assert verify(centre_home).ok


@pytest.mark.parametrize("sql", ["UPDATE audit_event SET actor = 'eve'", "DELETE FROM audit_event"])
def test_the_database_itself_refuses_to_change_the_trail(centre_home: Home, sql: str) -> None:
    record(centre_home, "ada", "export.submit")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        connections[alias(centre_home)].cursor() as cursor,
    ):
        cursor.execute(sql)
    with pytest.raises(NotAllowed):
        Event.objects.using(alias(centre_home)).delete()
    assert verify(centre_home).ok


def test_two_processes_write_one_chain(centre_home: Home) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE_HUNDRED, str(centre_home.root), name])
        for name in ("ada", "bob")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    found = verify(centre_home)
    assert (found.events, found.ok, found.reason) == (200, True, "")


def test_a_request_is_decided_and_conditions_are_met(centre_home: Home) -> None:
    number = in_review(centre_home)
    votes.cast(centre_home, "mia", number, Ballot.APPROVE, reason="sound")
    with pytest.raises(NotAllowed, match="blind"):
        votes.votes(centre_home, "noe", number)
    votes.cast(
        centre_home,
        "noe",
        number,
        Ballot.APPROVE_WITH_CONDITIONS,
        reason="sound",
        conditions="publish the code",
    )
    issued = decisions.decide(
        centre_home, "carl", number, starts=TODAY, ends=TODAY + timedelta(days=30), today=TODAY
    )
    assert issued[0].outcome == Status.APPROVED_WITH_CONDITIONS
    (met,) = decisions.meet_conditions(centre_home, "carl", number)
    assert documents.check(centre_home, met.document, Kind.DECISION) == "centre"
    assert verify(centre_home).ok


def test_one_member_voting_twice_at_once_votes_once(centre_home: Home) -> None:
    number = in_review(centre_home)
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def vote(ballot: Ballot) -> None:
        together.wait(timeout=30)
        try:
            votes.cast(centre_home, "mia", number, ballot, reason="because")
            outcomes.append("cast")
        except (StateRefused, IntegrityError):
            outcomes.append("refused")
        finally:
            connections[alias(centre_home)].close()

    voters = [threading.Thread(target=vote, args=[ballot]) for ballot in (Ballot.APPROVE, Ballot.REFUSE)]
    for voter in voters:
        voter.start()
    for voter in voters:
        voter.join(timeout=60)
    assert sorted(outcomes) == ["cast", "refused"]
    assert Vote.objects.using(alias(centre_home)).count() == 1
    assert len(events(centre_home, act="export.vote")) == 1


def test_the_database_knows_the_words_of_a_status(centre_home: Home) -> None:
    number = in_review(centre_home)
    with pytest.raises(IntegrityError), transaction.atomic(using=alias(centre_home)):
        Request.objects.using(alias(centre_home)).filter(number=number).update(status="waved through")


def test_migrating_again_changes_nothing(centre_home: Home) -> None:
    record(centre_home, "ada", "export.request")
    migrate(centre_home)
    assert verify(centre_home).ok
