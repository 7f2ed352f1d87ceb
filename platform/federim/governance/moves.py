"""The life of an export request, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from federim.model.errors import StateRefused
from federim.model.export import SENTENCES, MemberRole, Status


class Move(StrEnum):
    """What can happen to a request."""

    SUBMIT = "submit"
    OPEN_REVIEW = "open review"
    APPROVE = "approve"
    APPROVE_WITH_CONDITIONS = "approve with conditions"
    REQUEST_CHANGES = "request changes"
    REFUSE = "refuse"
    MEET_CONDITIONS = "meet conditions"
    RELEASE = "release"
    EXPIRE = "expire"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Step:
    """One allowed move. `by` makes it; the committee's moves are made by its votes."""

    status: Status
    move: Move
    to: Status
    by: MemberRole


RESEARCHER, COMMITTEE, COORDINATOR = MemberRole.RESEARCHER, MemberRole.COMMITTEE, MemberRole.COORDINATOR
SITE_OFFICER = MemberRole.SITE_OFFICER

# The first step of a status is the one it waits for: whose turn it is.
STEPS: Final = (
    Step(Status.DRAFT, Move.SUBMIT, Status.SUBMITTED, RESEARCHER),
    Step(Status.DRAFT, Move.WITHDRAW, Status.WITHDRAWN, RESEARCHER),
    Step(Status.SUBMITTED, Move.OPEN_REVIEW, Status.IN_REVIEW, COORDINATOR),
    Step(Status.SUBMITTED, Move.WITHDRAW, Status.WITHDRAWN, RESEARCHER),
    Step(Status.IN_REVIEW, Move.APPROVE, Status.APPROVED, COMMITTEE),
    Step(Status.IN_REVIEW, Move.APPROVE_WITH_CONDITIONS, Status.APPROVED_WITH_CONDITIONS, COMMITTEE),
    Step(Status.IN_REVIEW, Move.REQUEST_CHANGES, Status.CHANGES_REQUESTED, COMMITTEE),
    Step(Status.IN_REVIEW, Move.REFUSE, Status.REFUSED, COMMITTEE),
    Step(Status.IN_REVIEW, Move.WITHDRAW, Status.WITHDRAWN, RESEARCHER),
    Step(Status.CHANGES_REQUESTED, Move.SUBMIT, Status.SUBMITTED, RESEARCHER),
    Step(Status.CHANGES_REQUESTED, Move.WITHDRAW, Status.WITHDRAWN, RESEARCHER),
    Step(Status.APPROVED_WITH_CONDITIONS, Move.MEET_CONDITIONS, Status.CONDITIONS_MET, COORDINATOR),
    Step(Status.APPROVED_WITH_CONDITIONS, Move.EXPIRE, Status.EXPIRED, COORDINATOR),
    Step(Status.APPROVED_WITH_CONDITIONS, Move.REVOKE, Status.REVOKED, COORDINATOR),
    Step(Status.APPROVED, Move.RELEASE, Status.RELEASED, SITE_OFFICER),
    Step(Status.APPROVED, Move.EXPIRE, Status.EXPIRED, COORDINATOR),
    Step(Status.APPROVED, Move.REVOKE, Status.REVOKED, COORDINATOR),
    Step(Status.CONDITIONS_MET, Move.RELEASE, Status.RELEASED, SITE_OFFICER),
    Step(Status.CONDITIONS_MET, Move.EXPIRE, Status.EXPIRED, COORDINATOR),
    Step(Status.CONDITIONS_MET, Move.REVOKE, Status.REVOKED, COORDINATOR),
    Step(Status.RELEASED, Move.RELEASE, Status.RELEASED, SITE_OFFICER),  # one site after another
    Step(Status.RELEASED, Move.EXPIRE, Status.EXPIRED, COORDINATOR),
    Step(Status.RELEASED, Move.REVOKE, Status.REVOKED, COORDINATOR),
)

MOVES: Final = {(step.status, step.move): step for step in STEPS}


def after(status: Status, move: Move) -> Status:
    """Where `move` leads from `status`; raise `StateRefused`, saying what is possible, if nowhere."""
    step = MOVES.get((status, move))
    if step is None:
        possible = [each.move.value for each in STEPS if each.status is status]
        raise StateRefused(
            f"cannot {move.value} a request that is {status.value}: {SENTENCES[status]}"
            + (f"; possible: {', '.join(possible)}" if possible else "; nothing more can happen to it")
        )
    return step.to


def turn(status: Status) -> MemberRole | None:
    """Whose turn it is; None where the story has ended."""
    return next((step.by for step in STEPS if step.status is status), None)
