"""Permissions as a truth table: one row a kind of person, the bool and the exception together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from federim.governance import permissions
from federim.governance.models import Member
from federim.model.errors import NotAllowed
from federim.model.export import MemberRole

AUTHOR = "ada"
PEOPLE = {
    "author": Member(name=AUTHOR, roles=[MemberRole.RESEARCHER]),
    "author with every role": Member(name=AUTHOR, roles=[role.value for role in MemberRole]),
    "another researcher": Member(name="rob", roles=[MemberRole.RESEARCHER]),
    "committee": Member(name="mia", roles=[MemberRole.COMMITTEE]),
    "coordinator": Member(name="carl", roles=[MemberRole.COORDINATOR]),
    "officer": Member(name="olga", roles=[MemberRole.SITE_OFFICER]),
    "reidentifier": Member(name="rita", roles=[MemberRole.REIDENTIFIER]),
    "no role": Member(name="zoe", roles=[]),
}
# Who may; everybody else may not.
ALLOWED: dict[str, set[str]] = {
    "request": {"author", "author with every role", "another researcher"},
    "change": {"author", "author with every role"},
    "assess": {"officer", "author with every role"},
    "coordinate": {"coordinator"},
    "vote": {"committee"},
    "release": {"officer"},
    "build": {"officer"},
    "record": {"coordinator", "officer", "author with every role"},
    "ask_to_recognise": {"reidentifier", "author with every role"},
    "agree_to_recognise": {"reidentifier"},
    "recognise": {"author with every role"},
    "keep": {"officer", "author with every role"},
    "purge": {"officer", "author with every role"},
}
NEEDS_AUTHOR = {"change", "coordinate", "vote", "release", "build", "agree_to_recognise", "recognise"}


@pytest.mark.parametrize("act", ALLOWED)
@pytest.mark.parametrize("person", PEOPLE)
def test_may_this_person(person: str, act: str) -> None:
    who = (PEOPLE[person], AUTHOR) if act in NEEDS_AUTHOR else (PEOPLE[person],)
    expect(act, person in ALLOWED[act], *who)


@pytest.mark.parametrize(
    ("person", "has_voted", "closed", "allowed"),
    [
        ("committee", False, False, False),
        ("committee", True, False, True),
        ("committee", False, True, True),
        ("author", False, False, False),
        ("author with every role", True, False, False),
        ("author", False, True, True),
        ("coordinator", False, False, False),
        ("coordinator", False, True, True),
    ],
)
def test_votes_are_seen_once_ones_own_is_cast_or_all_is_decided(
    person: str, has_voted: bool, closed: bool, allowed: bool
) -> None:
    expect("see_votes", allowed, PEOPLE[person], AUTHOR, has_voted=has_voted, closed=closed)


@pytest.mark.parametrize("staffed", [False, True])
@pytest.mark.parametrize("person", [None, *PEOPLE])
@pytest.mark.parametrize(
    ("act", "may"),
    [
        ("answer_persons", {"officer", "author with every role"}),
        ("decide_on_models", {"coordinator", "author with every role"}),
    ],
)
def test_persons_and_models_have_somebody_who_answers_once_there_are_members(
    act: str, may: set[str], person: str | None, staffed: bool
) -> None:
    who = None if person is None else PEOPLE[person]
    expect(act, person in may or not staffed, who, staffed=staffed)


@pytest.mark.parametrize(
    ("person", "coordinated", "allowed"),
    [
        (None, False, True),
        ("no role", False, True),
        (None, True, False),
        ("committee", True, False),
        ("author", True, False),
        ("coordinator", True, True),
    ],
)
def test_members_are_enrolled_by_a_coordinator_once_there_is_one(
    person: str | None, coordinated: bool, allowed: bool
) -> None:
    expect("enrol", allowed, PEOPLE[person] if person else None, coordinated=coordinated)


def test_every_rule_is_in_this_table() -> None:
    rules = {name.removeprefix("check_can_") for name in vars(permissions) if name.startswith("check_can_")}
    assert rules == {*ALLOWED, "see_votes", "enrol", "answer_persons", "decide_on_models"}


def expect(act: str, allowed: bool, *who: object, **state: object) -> None:
    check: Callable[..., None] = getattr(permissions, f"check_can_{act}")
    can: Callable[..., bool] = getattr(permissions, f"can_{act}")
    assert can(*who, **state) is allowed
    if allowed:
        check(*who, **state)
    else:
        with pytest.raises(NotAllowed):
            check(*who, **state)
