"""Have whoever has to leave a site's workspaces leave them, as far as they can be reached."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from federim.audit import trail
from federim.home import Home
from federim.lake import workspace as workspaces
from federim.lake.locks import nobody_copies
from federim.model.errors import FederimError, HomeError, StorageFull
from federim.model.identifiers import Pseudonym
from federim_pipelines.workspace.register import Register, Registered
from federim_pipelines.workspace.rewrite import take_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of it: workspaces rewritten, rows that left them; and those that could not be reached."""

    rewritten: int = 0
    rows: int = 0
    pending: int = 0


def have_leave(home: Home, persons: Sequence[Pseudonym], project: str = "") -> Settled:
    """Take persons of the lake out of every workspace, or of one project's; and whoever waited for it before.

    A workspace that cannot be reached, or that somebody changed, is pending: the register knows who has to
    leave it, and `settle` does the rest.

    Raises
    ------
    StorageFull
        The disk refuses; the same call completes it.
    """
    if not home.workspaces.exists():
        return Settled()
    with Register(home) as register:
        with nobody_copies(home):  # so nobody builds one: what is noted and not there, a kill left
            register.drop_unfinished()
            register.have_leave(persons, project)
        return _take_out(home, register)


def settle(home: Home, *, actor: str) -> Settled:
    """Take out whoever has to leave and is there still, since their workspace could not be reached before.

    Raises
    ------
    StorageFull
        The disk refuses; the same call completes it.
    """
    if not home.workspaces.exists():
        return Settled()
    with Register(home) as register:
        done = _take_out(home, register)
    if done.rewritten or done.pending:
        trail.record(
            home,
            actor,
            "workspace.settle",
            rewritten=done.rewritten,
            rows=done.rows,
            pending=done.pending,
        )
    return done


def _take_out(home: Home, register: Register) -> Settled:
    rewritten = rows = pending = 0
    for each in register.every():
        gone = register.leaving(each.id)
        if not gone:
            continue
        try:
            rows += take_out(home, each, gone)
        except StorageFull:
            raise
        except (FederimError, OSError):  # not there, another account's, changed since it was signed
            pending += 1
            continue
        register.left(each.id, gone)
        rewritten += 1
    return Settled(rewritten=rewritten, rows=rows, pending=pending)


def remove(home: Home, wanted: str, *, actor: str) -> tuple[Registered, bool]:
    """Remove a workspace's home with all that is in it, and forget it; whether it was still there.

    Raises
    ------
    UnknownName
        No workspace's id, or more than one, begins so.
    HomeError
        Something else is where it was built.
    """
    with Register(home) as register:
        registered = register.one(wanted)
        there = _remove(registered)
        register.removed(registered.id)
    trail.record(home, actor, "workspace.remove", workspace=registered.id, project=registered.project)
    return registered, there


def _remove(registered: Registered) -> bool:
    there = registered.place.exists()
    if there:
        if not _is_the_one(registered):
            raise HomeError(
                f"{registered.place} is not the workspace that this site built there; see what it is, "
                "and move it away"
            )
        shutil.rmtree(registered.place)
    return there


def _is_the_one(registered: Registered) -> bool:
    with suppress(FederimError):
        return workspaces.named(Home.open(registered.place)) == registered.id
    return False
