"""Re-identification: with a ticket, by two people, one person at a time, and seen by the trail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from federim.audit import trail
from federim.database import migrate
from federim.governance import reidentification
from federim.governance.members import enrol
from federim.home import Home, Role
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.model.errors import IdentityError, InputError, NotAllowed, NotApproved, StateRefused
from federim.model.export import MemberRole
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    NationalId,
    PatientIdentity,
    Pseudonym,
)
from federim.model.reidentification import Ground

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROJECT = bytes([7]) * 32
INS = ins.with_key("285052A004123")


@pytest.fixture
def centre(make_home: Callable[..., Home]) -> Home:
    home = make_home("centre", Role.SITE)
    migrate(home)
    enrol(home, "setup", "rita", [MemberRole.REIDENTIFIER])
    enrol(home, "setup", "remi", [MemberRole.REIDENTIFIER])
    enrol(home, "setup", "olga", [MemberRole.SITE_OFFICER])
    return home


@pytest.fixture
def person(centre: Home) -> Pseudonym:
    with Exchange.open(centre) as exchange:
        return exchange.learn(identity("IPP-1", INS)).person_id


def identity(ipp: str, value: ins.Ins | None = None) -> PatientIdentity:
    national = None
    if value is not None:
        national = NationalId(oid=ins.NIR, value=value, status=IdentityStatus.QUALIFIED)
    return PatientIdentity(local=(LocalId(issuer="", value=Ipp(ipp)),), national=national)


def ask(home: Home, whom: Pseudonym, actor: str = "rita", ticket: str = "INC-2026-1", **more: object) -> int:
    asked = reidentification.ask(
        home, actor, whom, ticket=ticket, ground=Ground.INCIDENTAL_FINDING, now=NOW, **more
    )
    return int(asked.number)


def agree(home: Home, number: int, actor: str = "remi") -> None:
    reidentification.answer(home, actor, number, agree=True, now=NOW)


def test_two_people_and_a_ticket_recognise_a_person_once(centre: Home, person: Pseudonym) -> None:
    with Exchange.open(centre) as exchange:
        exchange.remember_originals({person: {"2.25.1": "1.2.3"}})
    number = ask(centre, person)
    agree(centre, number)
    found = reidentification.recognise(centre, "rita", number, person, now=NOW, keyed_uids=["2.25.1"])
    assert set(found.identifiers) == {("", "IPP-1"), (ins.NIR, INS)}
    assert found.originals == {"2.25.1": "1.2.3"}
    assert INS not in repr(found) and "1.2.3" not in repr(found)
    with pytest.raises(NotApproved, match="opened"):
        reidentification.recognise(centre, "rita", number, person, now=NOW)


def test_a_project_calls_the_same_person_otherwise(centre: Home, person: Pseudonym) -> None:
    with Exchange.open(centre) as exchange:
        [known_there] = exchange.project_pseudonyms([person], PROJECT).values()
    with pytest.raises(IdentityError, match="nobody"):
        ask(centre, known_there)
    number = ask(centre, known_there, project_key=PROJECT)
    agree(centre, number)
    found = reidentification.recognise(centre, "rita", number, known_there, now=NOW, project_key=PROJECT)
    assert found.person_id == person


@pytest.mark.parametrize("ticket", ["", "ab", "two words", "x" * 41, "Madame Dupont"])
def test_without_a_ticket_nothing_is_asked(centre: Home, person: Pseudonym, ticket: str) -> None:
    with pytest.raises(InputError, match="ticket"):
        ask(centre, person, ticket=ticket)
    assert reidentification.requests(centre) == []


def test_nobody_looks_before_another_agreed(centre: Home, person: Pseudonym) -> None:
    number = ask(centre, person)
    with pytest.raises(NotApproved, match="asked"):
        reidentification.recognise(centre, "rita", number, person, now=NOW)
    with pytest.raises(NotAllowed, match="two people"):
        agree(centre, number, actor="rita")
    reidentification.answer(centre, "remi", number, agree=False, now=NOW)
    with pytest.raises(NotApproved, match="refused"):
        reidentification.recognise(centre, "rita", number, person, now=NOW)
    with pytest.raises(StateRefused, match="just asked"):
        agree(centre, number)


def test_who_agreed_and_who_has_no_role_does_not_look(centre: Home, person: Pseudonym) -> None:
    number = ask(centre, person)
    agree(centre, number)
    for actor in ("remi", "olga"):
        with pytest.raises(NotAllowed):
            reidentification.recognise(centre, actor, number, person, now=NOW)
    with pytest.raises(NotAllowed):
        ask(centre, person, actor="olga")


def test_an_agreement_is_about_one_person_and_does_not_last(centre: Home, person: Pseudonym) -> None:
    with Exchange.open(centre) as exchange:
        other = exchange.learn(identity("IPP-2")).person_id
    number = ask(centre, person)
    agree(centre, number)
    with pytest.raises(NotApproved, match="somebody else"):
        reidentification.recognise(centre, "rita", number, other, now=NOW)
    late = NOW + timedelta(hours=reidentification.AGREEMENT_HOURS, seconds=1)
    with pytest.raises(NotApproved, match="72 hours"):
        reidentification.recognise(centre, "rita", number, person, now=late)


def test_only_a_few_are_recognised_in_a_day(centre: Home) -> None:
    with Exchange.open(centre) as exchange:
        whom = [exchange.learn(identity(f"IPP-{number}")).person_id for number in range(5)]
    numbers = [ask(centre, each, ticket=f"INC-{place}") for place, each in enumerate(whom)]
    for place, number in enumerate(numbers):
        agree(centre, number)
        if place < centre.settings.reidentifications_a_day:
            reidentification.recognise(centre, "rita", number, whom[place], now=NOW)
        else:
            with pytest.raises(StateRefused, match="reidentifications_a_day"):
                reidentification.recognise(centre, "rita", number, whom[place], now=NOW)
    tomorrow = NOW + timedelta(days=1, seconds=1)
    reidentification.recognise(centre, "rita", numbers[-1], whom[-1], now=tomorrow)


def test_the_trail_tells_who_looked_and_never_at_whom(centre: Home, person: Pseudonym) -> None:
    number = ask(centre, person)
    agree(centre, number)
    reidentification.recognise(centre, "rita", number, person, now=NOW)
    told = [(event.actor, event.act) for event in trail.events(centre, act="reidentification")]
    assert told == [
        ("rita", "reidentification.open"),
        ("remi", "reidentification.answer"),
        ("rita", "reidentification.ask"),
    ]
    database = b"".join(path.read_bytes() for path in centre.root.glob("federim.sqlite3*"))
    for value in (person, "IPP-1", INS):
        assert value.encode() not in database
