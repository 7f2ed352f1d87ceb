"""Policies as truth tables: the bool and the exception together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from federim.governance import policies
from federim.model.errors import NotApproved, StateRefused
from federim.model.export import Ballot, Status

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)
DECISION = {
    "issuer": "hub",
    "site": "alpha",
    "package": "p",
    "outcome": "approved",
    "starts": "2026-03-01",
    "ends": "2026-03-31",
}


def expect(rule: str, twin: str, holds: bool, *args: object, **state: Any) -> None:
    check: Callable[..., None] = getattr(policies, rule)
    question: Callable[..., bool] = getattr(policies, twin)
    assert question(*args, **state) is holds
    if holds:
        check(*args, **state)
    else:
        with pytest.raises((StateRefused, NotApproved)):
            check(*args, **state)


@pytest.mark.parametrize("status", Status)
def test_a_package_is_reworded_only_before_it_is_handed_in(status: Status) -> None:
    holds = status in (Status.DRAFT, Status.CHANGES_REQUESTED)
    expect("check_revisable", "revisable", holds, status)


@pytest.mark.parametrize("submitted", [True, False])
def test_a_wording_is_assessed_and_submitted_once(submitted: bool) -> None:
    expect("check_assessable", "assessable", not submitted, submitted=submitted)
    expect("check_unreviewed", "unreviewed", not submitted, submitted=submitted)


@pytest.mark.parametrize(
    ("reports", "holds"),
    [
        ({}, False),
        ({"alpha": True}, False),
        ({"alpha": True, "beta": False}, False),
        ({"alpha": True, "beta": True}, True),
        ({"alpha": True, "beta": True, "gamma": False}, True),
    ],
)
def test_every_site_asked_finds_the_risk_acceptable(reports: dict[str, bool], holds: bool) -> None:
    expect("check_assessed", "assessed", holds, ["alpha", "beta"], reports)


@pytest.mark.parametrize(
    ("quorum", "seats", "holds"),
    [(1, 1, True), (0, 0, False), (1, 0, False), (1, 2, False), (2, 2, True), (3, 2, False), (2, 3, True)],
)
def test_a_quorum_is_more_than_half(quorum: int, seats: int, holds: bool) -> None:
    expect("check_quorum", "is_quorum", holds, quorum, seats)


@pytest.mark.parametrize(
    ("recused", "has_voted", "holds"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_a_seat_votes_once_unless_recused(recused: bool, has_voted: bool, holds: bool) -> None:
    expect("check_votable", "votable", holds, recused=recused, has_voted=has_voted)


@pytest.mark.parametrize("closed", [True, False])
def test_nothing_is_said_in_a_closed_review(closed: bool) -> None:
    expect("check_open", "is_open", not closed, closed=closed)


@pytest.mark.parametrize(
    ("ballot", "reason", "conditions", "holds"),
    [
        (Ballot.APPROVE, "sound", "", True),
        (Ballot.APPROVE, " ", "", False),
        (Ballot.APPROVE, "sound", "publish", False),
        (Ballot.APPROVE_WITH_CONDITIONS, "sound", "publish", True),
        (Ballot.APPROVE_WITH_CONDITIONS, "sound", " ", False),
        (Ballot.REFUSE, "", "", False),
    ],
)
def test_a_vote_is_reasoned(ballot: Ballot, reason: str, conditions: str, holds: bool) -> None:
    expect("check_reasoned", "reasoned", holds, ballot, reason=reason, conditions=conditions)


@pytest.mark.parametrize(
    ("votes", "waiting", "due", "holds"),
    [
        (1, 0, TODAY, False),
        (2, 0, TODAY + DAY, True),
        (2, 1, TODAY, False),
        (2, 1, TODAY - DAY, True),
        (1, 2, TODAY - DAY, False),
    ],
)
def test_a_review_closes_on_quorum_and_cuts_nobody_off(
    votes: int, waiting: int, due: date, holds: bool
) -> None:
    state = {"quorum": 2, "votes": votes, "waiting": waiting, "due": due, "today": TODAY}
    expect("check_decidable", "decidable", holds, **state)


@pytest.mark.parametrize(
    ("days", "holds"), [(-1, False), (0, True), (365, True), (1096, True), (1097, False)]
)
def test_a_grant_ends(days: int, holds: bool) -> None:
    expect("check_grant", "grantable", holds, TODAY, TODAY + timedelta(days=days))


@pytest.mark.parametrize(
    ("asked", "holds"), [(None, True), (TODAY, True), (TODAY + DAY, True), (TODAY - DAY, False)]
)
def test_a_workspace_ends_no_later_than_was_asked(asked: date | None, holds: bool) -> None:
    expect("check_grant_asked", "granted_as_asked", holds, TODAY, asked)


@pytest.mark.parametrize(("ends", "holds"), [(TODAY, False), (TODAY - DAY, True)])
def test_a_grant_is_over_after_its_last_day(ends: date, holds: bool) -> None:
    expect("check_over", "over", holds, ends, TODAY)


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"outcome": "conditions_met"}, True),
        ({"outcome": "approved_with_conditions"}, False),
        ({"outcome": "refused"}, False),
        ({"outcome": None}, False),
        ({"site": "beta"}, False),
        ({"package": "q"}, False),
        ({"issuer": "another"}, False),
        ({"starts": "2026-03-02", "ends": "2026-03-02"}, True),
        ({"starts": "2026-03-03"}, False),
        ({"ends": "2026-03-01"}, False),
        ({"ends": None}, False),
    ],
)
def test_a_decision_is_in_force_here_today_for_this_package(change: dict[str, Any], holds: bool) -> None:
    state = {"signer": "hub", "site": "alpha", "package": "p", "today": TODAY, "revoked": False}
    expect("check_in_force", "in_force", holds, {**DECISION, **change}, **state)
    expect("check_in_force", "in_force", False, {**DECISION, **change}, **{**state, "revoked": True})


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"starts": "2999-01-01"}, True),
        ({"outcome": "conditions_met"}, True),
        ({"outcome": "approved_with_conditions"}, False),
        ({"outcome": "refused"}, False),
        ({"site": "beta"}, False),
        ({"package": "q"}, False),
        ({"issuer": "another"}, False),
    ],
)
def test_a_decision_grants_something_here(change: dict[str, Any], holds: bool) -> None:
    state = {"signer": "hub", "site": "alpha", "package": "p"}
    expect("check_grants", "grants", holds, {**DECISION, **change}, **state)


def test_every_rule_is_tested_here() -> None:
    rules = {name for name in vars(policies) if name.startswith("check_")}
    assert all(rule in Path(__file__).read_text() for rule in rules)
