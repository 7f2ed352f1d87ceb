"""Carry out an opposition: list the person, erase them place by place, the vault last, and record it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from federim.audit import trail
from federim.database import alias
from federim.governance.models import Member
from federim.governance.permissions import check_can_answer_persons
from federim.governance.rights import record
from federim.governance.rights.lake_step import EraseFromLake
from federim.governance.rights.notices import WriteNotices
from federim.governance.rights.record import ErasureRecord
from federim.governance.rights.releases import ReviseReleases
from federim.governance.rights.steps import ProjectStep, Step
from federim.home import Home
from federim.identity.rights import Erasure, Rights, Whom, Word
from federim.lake.tables import Lake, LakeWriter
from federim.model.errors import InputError
from federim.model.export import PROJECT

VAULT: Final = "vault"
OPERATOR: Final = "operator"


def forget(
    home: Home, rights: Rights, whom: Whom, *, project: str = "", outside: Sequence[Step] = (), actor: str
) -> ErasureRecord:
    """Honour an opposition. The same call after a kill at any point completes what was begun.

    Parameters
    ----------
    project : str
        The project that the person objects to; all research where it is empty.
    outside : steps
        What is to be erased in places that governance does not know, before the lake is.

    Raises
    ------
    NotAllowed
        The actor is no officer of this site.
    InputError
        The project's name is none.
    IdentityError
        See `Rights.oppose`.
    LakeError
        Another run is writing: the person is listed, and the same call later completes the rest.
    StorageFull
        The disk refuses; make room, and call again.
    """
    check_officer(home, actor)
    check_project(project)
    erasure = rights.oppose(whom, Word(project), actor=actor)
    done = _carry_out(home, rights, erasure, outside)
    complete_pending(home, rights, outside=outside)
    return done


def complete_pending(home: Home, rights: Rights, *, outside: Sequence[Step] = ()) -> list[ErasureRecord]:
    """Complete the erasures that were begun, by another site's notice or before a kill."""
    return [_carry_out(home, rights, each, outside) for each in rights.pending()]


def check_officer(home: Home, actor: str) -> None:
    """Raise `NotAllowed` unless the actor may answer persons for this site.

    The home's own account may, where it acts in nobody's name: every file of the home is its own, and an
    opposition must not wait for a name.
    """
    if actor == OPERATOR:
        return
    members = {member.name: member for member in Member.objects.using(alias(home))}
    check_can_answer_persons(members.get(actor), staffed=bool(members))


def check_project(project: str) -> None:
    """Raise `InputError` unless it is how a project is called, or empty."""
    if project and not PROJECT.fullmatch(project):
        raise InputError("a project's name is lower-case letters, digits and hyphens; nothing was changed")


def _steps(erasure: Erasure, rights: Rights, writer: LakeWriter, outside: Sequence[Step]) -> list[Step]:
    """What an erasure is made of, in order.

    Others are told first, since only the vault knows what they know the person by. Places outside the lake
    come before it: they are found through what the lake and the vault still hold.
    """
    if erasure.project:
        of_projects = [each for each in outside if isinstance(each, ProjectStep)]
        return [WriteNotices(rights), *of_projects, ReviseReleases()]
    return [WriteNotices(rights), *outside, EraseFromLake(rights, writer), ReviseReleases()]


def _carry_out(home: Home, rights: Rights, erasure: Erasure, outside: Sequence[Step]) -> ErasureRecord:
    with Lake(home).writing() as writer:
        for step in _steps(erasure, rights, writer, outside):
            if step.name not in erasure.done:
                erasure = rights.note(erasure, step.name, step(home, erasure))
    if VAULT not in erasure.done:
        erasure = rights.forget(erasure, VAULT)
    made = record.of(erasure)
    record.keep(home, made)
    _tell_the_trail(home, erasure, made)
    rights.complete(erasure)
    return made


def _tell_the_trail(home: Home, erasure: Erasure, made: ErasureRecord) -> None:
    """Once, however often a kill has this carried out."""
    if any(event.detail.get("erasure") == erasure.id for event in trail.events(home, act="rights.forget")):
        return
    trail.record(
        home,
        erasure.actor,
        "rights.forget",
        erasure=erasure.id,
        project=erasure.project,
        rows=sum(made.tables.values()),
        files=made.files_rewritten,
        releases=made.releases_revised + made.releases_withdrawn,
        left=made.rows_left,
    )
