"""A request from draft to its end, at a small centre that decides for itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from federim.audit.trail import events, verify
from federim.governance import decisions, requests, reviews, votes
from federim.governance.assessment import assess
from federim.governance.members import enrol, members
from federim.governance.summary import as_text, summary
from federim.model.errors import (
    DisclosureRisk,
    InputError,
    NotAllowed,
    StateRefused,
    UnknownName,
)
from federim.model.export import Ballot, MemberRole, Status

APPROVE, REFUSE, CHANGES = Ballot.APPROVE, Ballot.REFUSE, Ballot.REQUEST_CHANGES
CONDITIONS = Ballot.APPROVE_WITH_CONDITIONS
ROWS = {
    "name": "rows",
    "from": "measurement",
    "why": "to look",
    "columns": ["value_as_number", "person.gender_concept_id"],
}


def status(centre: Any, number: str) -> Status:
    return requests.request_numbered(centre.home, number).stands


def decide(centre: Any, number: str, **changes: Any) -> list[Any]:
    grant = {"starts": centre.today, "ends": centre.today + timedelta(days=30), "today": centre.today}
    return decisions.decide(centre.home, "carl", number, **{**grant, **changes})


def test_requests_are_numbered_in_the_order_they_come(centre: Any) -> None:
    first, second = centre.requested(), centre.requested()
    assert (first[4:], second[4:]) == ("-001", "-002")


def test_only_a_researcher_asks(centre: Any) -> None:
    with pytest.raises(NotAllowed, match="only a member with the role researcher"):
        requests.request(centre.home, "mia", centre.definition())
    with pytest.raises(NotAllowed, match="not a member"):
        requests.request(centre.home, "eve", centre.definition())


def test_a_request_is_submitted_by_its_author_after_the_risk_is_known(centre: Any) -> None:
    number = centre.requested()
    with pytest.raises(StateRefused, match="no risk report yet from alpha"):
        requests.submit(centre.home, "ada", number)
    assess(centre.home, "olga", requests.package(centre.home, number))
    with pytest.raises(NotAllowed):
        requests.submit(centre.home, "carl", number)
    requests.submit(centre.home, "ada", number)
    assert status(centre, number) is Status.SUBMITTED


def test_a_package_its_site_finds_risky_is_not_submitted(centre: Any) -> None:
    number = centre.requested(ROWS)
    signed = assess(centre.home, "olga", requests.package(centre.home, number))
    assert not signed["report"]["acceptable"]
    with pytest.raises(StateRefused, match="refuses this package"):
        requests.submit(centre.home, "ada", number)


def test_rewording_makes_a_new_package_that_must_be_assessed_again(centre: Any) -> None:
    number = centre.requested()
    assess(centre.home, "olga", requests.package(centre.home, number))
    requests.revise(centre.home, "ada", number, centre.definition(question="And by age?"))
    with pytest.raises(StateRefused, match="no risk report"):
        requests.submit(centre.home, "ada", number)


def test_a_submitted_package_is_frozen(centre: Any) -> None:
    number = centre.submitted()
    with pytest.raises(StateRefused, match="frozen"):
        requests.revise(centre.home, "ada", number, centre.definition())
    with pytest.raises(StateRefused, match="frozen"):
        assess(centre.home, "olga", requests.package(centre.home, number))


@pytest.mark.parametrize("reach", ["requested", "submitted", "in_review"])
def test_a_request_is_withdrawn_until_it_is_decided(centre: Any, reach: str) -> None:
    number = getattr(centre, reach)()
    requests.withdraw(centre.home, "ada", number)
    assert status(centre, number) is Status.WITHDRAWN


def test_a_decided_request_is_not_withdrawn(centre: Any) -> None:
    centre.decided()
    with pytest.raises(StateRefused, match="cannot withdraw a request that is approved"):
        requests.withdraw(centre.home, "ada", requests.requests(centre.home)[0].number)


def test_the_author_has_no_seat_and_no_vote(centre: Any) -> None:
    number = centre.in_review()
    review = reviews.review_of(centre.home, number)
    assert [seat.member.name for seat in review.seats.all()] == ["mia", "noe", "pia"]
    with pytest.raises(NotAllowed, match="asked for themselves"):
        votes.cast(centre.home, "ada", number, APPROVE, reason="mine")


def test_a_coordinator_does_not_run_the_review_of_their_own_request(centre: Any) -> None:
    enrol(centre.home, "carl", "ada", [MemberRole.RESEARCHER, MemberRole.COORDINATOR])
    number = centre.submitted()
    with pytest.raises(NotAllowed, match="asked for themselves"):
        reviews.open_review(centre.home, "ada", number, due=centre.today)


def test_the_committee_is_the_one_of_the_day_the_review_opened(centre: Any) -> None:
    number = centre.in_review()
    enrol(centre.home, "carl", "late", [MemberRole.COMMITTEE])
    with pytest.raises(NotAllowed, match="no seat"):
        votes.cast(centre.home, "late", number, APPROVE, reason="because")


def test_votes_are_blind_until_ones_own_is_cast(centre: Any) -> None:
    number = centre.in_review()
    votes.cast(centre.home, "mia", number, REFUSE, reason="too wide")
    for blind in ("noe", "pia", "ada", "carl", "olga"):
        with pytest.raises(NotAllowed, match="blind"):
            votes.votes(centre.home, blind, number)
        assert "too wide" not in as_text(summary(centre.home, number, blind))
    votes.cast(centre.home, "noe", number, APPROVE, reason="sound")
    for seeing in ("mia", "noe"):
        assert [vote.ballot for vote in votes.votes(centre.home, seeing, number)] == [REFUSE, APPROVE]


def test_all_see_the_votes_once_it_is_decided(centre: Any) -> None:
    number = centre.voted(APPROVE, REFUSE, APPROVE)
    decide(centre, number)
    for name in ("ada", "carl", "pia"):
        assert len(votes.votes(centre.home, name, number)) == 3


def test_the_audit_trail_says_who_voted_but_not_what(centre: Any) -> None:
    number = centre.voted(APPROVE, REFUSE)
    cast = events(centre.home, act="export.vote")
    assert {event.actor for event in cast} == {"mia", "noe"}
    assert all(event.detail == {"request": number} for event in cast)


def test_a_vote_is_never_changed(centre: Any) -> None:
    number = centre.voted(APPROVE)
    with pytest.raises(StateRefused, match="voted already"):
        votes.cast(centre.home, "mia", number, REFUSE, reason="on reflection")


def test_a_refused_vote_leaves_neither_vote_nor_event(centre: Any) -> None:
    number = centre.in_review()
    with pytest.raises(StateRefused, match="reason"):
        votes.cast(centre.home, "mia", number, APPROVE, reason=" ")
    assert not reviews.review_of(centre.home, number).seats.filter(vote__isnull=False).exists()
    assert events(centre.home, act="export.vote") == []


def test_a_recused_member_does_not_vote_and_is_not_waited_for(centre: Any) -> None:
    number = centre.in_review()
    reviews.recuse(centre.home, "pia", number, reason="works with the author")
    with pytest.raises(StateRefused, match="recused"):
        votes.cast(centre.home, "pia", number, APPROVE, reason="because")
    centre.voted(APPROVE, APPROVE, number=number)
    assert decide(centre, number)[0].outcome == "approved"


def test_nobody_leaves_a_review_after_voting(centre: Any) -> None:
    number = centre.voted(APPROVE)
    with pytest.raises(StateRefused, match="voted already"):
        reviews.recuse(centre.home, "mia", number, reason="late thought")


def test_no_decision_without_a_quorum(centre: Any) -> None:
    number = centre.voted(APPROVE)
    late = centre.today + timedelta(days=15)
    with pytest.raises(StateRefused, match="1 votes cast where the quorum is 2"):
        decide(centre, number, today=late)
    assert status(centre, number) is Status.IN_REVIEW


def test_a_vote_that_may_still_come_is_waited_for_until_the_due_date(centre: Any) -> None:
    number = centre.voted(APPROVE, APPROVE)
    with pytest.raises(StateRefused, match="1 members may still vote"):
        decide(centre, number)
    assert decide(centre, number, today=centre.today + timedelta(days=15))[0].outcome == "approved"


@pytest.mark.parametrize(
    ("ballots", "outcome"),
    [
        ([APPROVE, APPROVE, APPROVE], "approved"),
        ([APPROVE, APPROVE, REFUSE], "approved"),
        ([APPROVE, CONDITIONS, REFUSE], "approved_with_conditions"),
        ([APPROVE, REFUSE, CHANGES], "changes_requested"),
        ([CHANGES, CHANGES, APPROVE], "changes_requested"),
        ([REFUSE, REFUSE, APPROVE], "refused"),
    ],
)
def test_the_majority_decides(centre: Any, ballots: list[Ballot], outcome: str) -> None:
    number = centre.voted(*ballots)
    (decision,) = decide(centre, number)
    assert decision.outcome == outcome == status(centre, number)


def test_a_tie_asks_for_a_new_revision() -> None:
    assert votes.tally([APPROVE, REFUSE]).value == "request changes"


def test_nothing_more_is_said_once_it_is_decided(centre: Any) -> None:
    number = centre.voted(APPROVE, APPROVE)
    decide(centre, number, today=centre.today + timedelta(days=15))
    with pytest.raises(StateRefused, match="closed"):
        votes.cast(centre.home, "pia", number, REFUSE, reason="late")
    with pytest.raises(StateRefused, match="closed"):
        reviews.recuse(centre.home, "pia", number, reason="late")
    with pytest.raises(StateRefused, match="cannot approve a request that is approved"):
        decide(centre, number, today=centre.today + timedelta(days=15))


def test_after_changes_were_requested_a_new_revision_is_examined_afresh(centre: Any) -> None:
    number = centre.voted(CHANGES, CHANGES, CHANGES)
    decide(centre, number)
    with pytest.raises(StateRefused, match="examined already"):
        requests.submit(centre.home, "ada", number)
    requests.revise(centre.home, "ada", number, centre.definition(question="A narrower one?"))
    assess(centre.home, "olga", requests.package(centre.home, number))
    requests.submit(centre.home, "ada", number)
    reviews.open_review(centre.home, "carl", number, due=centre.today)
    assert reviews.review_of(centre.home, number).seats.count() == 3
    centre.voted(APPROVE, APPROVE, APPROVE, number=number)
    assert decide(centre, number)[0].document["revision"] == 2


def test_conditions_are_met_before_anything_leaves(centre: Any) -> None:
    number = centre.voted(CONDITIONS, APPROVE, APPROVE)
    (first,) = decide(centre, number)
    assert first.document["conditions"] == ["publish the code"]
    (second,) = decisions.meet_conditions(centre.home, "carl", number)
    assert (second.outcome, second.ends) == ("conditions_met", first.ends)
    assert decisions.decisions(centre.home, number)[0].outcome == "conditions_met"


def test_a_grant_expires_only_when_it_is_over(centre: Any) -> None:
    number = centre.voted(APPROVE, APPROVE, APPROVE)
    decide(centre, number)
    with pytest.raises(StateRefused, match="runs until"):
        decisions.expire(centre.home, "carl", number, today=centre.today + timedelta(days=30))
    decisions.expire(centre.home, "carl", number, today=centre.today + timedelta(days=31))
    assert status(centre, number) is Status.EXPIRED


def test_an_amendment_is_a_child_request(centre: Any) -> None:
    centre.decided()
    parent = requests.requests(centre.home)[0]
    child = requests.request(centre.home, "ada", centre.definition(), amends=parent.number)
    assert child.amends == parent
    assert child.stands is Status.DRAFT


def test_a_request_nobody_made_suggests_the_nearest(centre: Any) -> None:
    number = centre.requested()
    with pytest.raises(UnknownName, match=number):
        requests.withdraw(centre.home, "ada", number[:-1])


def test_what_may_never_leave_is_refused_when_it_is_asked_for(centre: Any) -> None:
    with pytest.raises(DisclosureRisk, match="person_id is a person column"):
        centre.requested({**ROWS, "columns": ["person_id"]})
    assert requests.requests(centre.home) == []


def test_every_act_is_in_the_trail(centre: Any) -> None:
    number = centre.voted(CONDITIONS, APPROVE, APPROVE)
    decide(centre, number)
    decisions.meet_conditions(centre.home, "carl", number)
    decisions.revoke(centre.home, "carl", number)
    acts = [event.act.removeprefix("export.") for event in reversed(events(centre.home, act="export"))]
    assert acts == [
        "request",
        "assess",
        "submit",
        "open_review",
        "vote",
        "vote",
        "vote",
        "decide",
        "meet_conditions",
        "revoke",
    ]
    assert verify(centre.home).ok


def test_members_keep_the_roles_they_were_given_last(centre: Any) -> None:
    enrol(centre.home, "carl", "mia", [MemberRole.SITE_OFFICER])
    assert {member.name: member.roles for member in members(centre.home)}["mia"] == ["site_officer"]
    with pytest.raises(NotAllowed, match="only a member with the role coordinator"):
        enrol(centre.home, "mia", "mia", list(MemberRole))
    with pytest.raises(InputError, match="one lower-case word"):
        enrol(centre.home, "carl", "Mia Dupont", [MemberRole.COMMITTEE])
