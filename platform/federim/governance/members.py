"""Enrol the members of a home, and find them by name."""

from __future__ import annotations

import re
from collections.abc import Collection

from federim.audit.trail import acting
from federim.database import alias
from federim.governance.models import Member
from federim.governance.permissions import check_can_enrol
from federim.home import Home
from federim.model.errors import InputError, NotAllowed
from federim.model.export import MemberRole

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,79}")


def members(home: Home) -> list[Member]:
    """Every member, by name."""
    return list(Member.objects.using(alias(home)))


def member_named(home: Home, name: str) -> Member:
    """The member who acts; raise `NotAllowed` where nobody of that name is enrolled."""
    found = Member.objects.using(alias(home)).filter(name=name).first()
    if found is None:
        raise NotAllowed(f"{name[:80]!r} is not a member of {home.name}; federim member list shows who is")
    return found


def enrol(home: Home, actor: str, name: str, roles: Collection[MemberRole]) -> Member:
    """Enrol a member, or set the roles of one who is enrolled.

    Raises
    ------
    NotAllowed
        The home has a coordinator, and the actor is not one.
    InputError
        The name is not one short lower-case word.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"member {name[:80]!r}: expected one lower-case word, for example a.martin")
    everyone = {member.name: member for member in members(home)}
    coordinated = any(member.has(MemberRole.COORDINATOR) for member in everyone.values())
    check_can_enrol(everyone.get(actor), coordinated=coordinated)
    words = sorted(role.value for role in roles)
    with acting(home, actor, "member.enrol", member=name, roles="+".join(words)):
        member, _ = Member.objects.using(alias(home)).update_or_create(name=name, defaults={"roles": words})
    return member
