"""Recognise one person at a time: one member asks, with a ticket; another agrees; then the first may look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from federim.audit.trail import acting
from federim.database import alias
from federim.governance.members import member_named
from federim.governance.models import Recognition
from federim.governance.permissions import (
    check_can_agree_to_recognise,
    check_can_ask_to_recognise,
    check_can_recognise,
)
from federim.home import Home, Role
from federim.identity.reidentify import Recognised, Reidentification
from federim.model.errors import InputError, NotApproved, StateRefused, UnknownName
from federim.model.identifiers import Pseudonym
from federim.model.reidentification import Ground, Standing

TICKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{2,39}")
AGREEMENT_HOURS: Final = 72
"""How long an agreement may be used."""


def ask(
    home: Home,
    actor: str,
    pseudonym: Pseudonym,
    *,
    ticket: str,
    ground: Ground,
    now: datetime,
    project_key: bytes | None = None,
    epoch: bytes | None = None,
) -> Recognition:
    """Ask to recognise one person. The register keeps a keyed digest of whom, never the pseudonym.

    Raises
    ------
    NotAllowed
        The actor is no reidentifier.
    InputError
        The ticket is not one word, as the site's own system writes it.
    IdentityError
        Nobody of this site bears the pseudonym.
    StateRefused
        The same person is asked for already, under the same ticket.
    """
    check_can_ask_to_recognise(member_named(home.require(Role.SITE), actor))
    if not TICKET.fullmatch(ticket):
        raise InputError(
            f"ticket: {len(ticket)} characters; expected the number of the site's own ticket, one word of 3 "
            "to 40 letters, digits, '.', '_', '/' or '-'"
        )
    with Reidentification(home) as door:
        digest = door.digest(door.person_behind(pseudonym, project_key, epoch))
    every = Recognition.objects.using(alias(home))
    with acting(home, actor, "reidentification.ask", ticket=ticket, ground=ground.value) as told:
        if every.filter(person=digest, ticket=ticket).exclude(standing=Standing.REFUSED.value).exists():
            raise StateRefused(f"ticket {ticket} asks for that person already")
        asked = every.create(
            number=every.count() + 1,
            ticket=ticket,
            ground=ground.value,
            person=digest,
            asked_by=actor,
            asked_at=now,
            standing=Standing.ASKED.value,
        )
        told["number"] = asked.number
    return asked


def answer(home: Home, actor: str, number: int, *, agree: bool, now: datetime) -> Recognition:
    """Agree that another may recognise somebody, or refuse it.

    Raises
    ------
    NotAllowed
        The actor asked for it, or is no reidentifier.
    StateRefused
        It was answered before.
    """
    member = member_named(home.require(Role.SITE), actor)
    standing = Standing.AGREED if agree else Standing.REFUSED
    with acting(home, actor, "reidentification.answer", number=number, answer=standing.value):
        asked = _numbered(home, number)
        check_can_agree_to_recognise(member, asked.asked_by)
        if asked.standing != Standing.ASKED:
            raise StateRefused(
                f"request {number} is {asked.standing}; only one that was just asked is answered"
            )
        asked.standing, asked.answered_by, asked.answered_at = standing.value, actor, now
        asked.save(using=alias(home))
    return asked


def recognise(
    home: Home,
    actor: str,
    number: int,
    pseudonym: Pseudonym,
    *,
    now: datetime,
    keyed_uids: Sequence[str] = (),
    project_key: bytes | None = None,
    epoch: bytes | None = None,
) -> Recognised:
    """Who the person is, told once to the member who asked.

    The trail has it before the vault is opened: nobody looks unseen.

    Raises
    ------
    NotAllowed
        The actor is not the one who asked.
    NotApproved
        Nobody agreed yet, the agreement is over, it was used, or it is about somebody else.
    StateRefused
        The home recognised as many persons today as its `reidentifications_a_day` allows.
    """
    member = member_named(home.require(Role.SITE), actor)
    with Reidentification(home) as door:
        person_id = door.person_behind(pseudonym, project_key, epoch)
        with acting(home, actor, "reidentification.open", number=number):
            asked = _numbered(home, number)
            check_can_recognise(member, asked.asked_by)
            _check_agreed(asked, door.digest(person_id), now)
            _check_rate(home, now)
            asked.standing, asked.opened_at = Standing.OPENED.value, now
            asked.save(using=alias(home))
        return door.recognise(person_id, keyed_uids)


def requests(home: Home) -> list[Recognition]:
    """Every request of the home, the latest first."""
    return list(Recognition.objects.using(alias(home.require(Role.SITE))).order_by("-number"))


def _check_agreed(asked: Recognition, person: str, now: datetime) -> None:
    if asked.standing != Standing.AGREED:
        raise NotApproved(
            f"request {asked.number} is {asked.standing}; another member must agree to it first"
        )
    if asked.person != person:
        raise NotApproved(f"request {asked.number} is about somebody else; one person at a time")
    assert asked.answered_at is not None  # or it would not stand so
    if now > asked.answered_at + timedelta(hours=AGREEMENT_HOURS):
        raise NotApproved(
            f"the agreement to request {asked.number} is older than {AGREEMENT_HOURS} hours; ask again"
        )


def _check_rate(home: Home, now: datetime) -> None:
    limit = home.settings.reidentifications_a_day
    opened = Recognition.objects.using(alias(home)).filter(opened_at__gt=now - timedelta(days=1)).count()
    if opened >= limit:
        raise StateRefused(
            f"{opened} persons were recognised within a day, and reidentifications_a_day is {limit}; "
            "wait, or have the setting raised"
        )


def _numbered(home: Home, number: int) -> Recognition:
    every = Recognition.objects.using(alias(home))
    found = every.filter(number=number).first()
    if found is None:
        known = [str(each) for each in every.values_list("number", flat=True)]
        raise UnknownName("re-identification request", str(number), known)
    return found
