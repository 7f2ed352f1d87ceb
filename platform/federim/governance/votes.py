"""Cast a vote, read the votes one may read, and say what they amount to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from federim.audit.trail import acting
from federim.database import alias
from federim.governance.members import member_named
from federim.governance.models import Vote
from federim.governance.moves import Move
from federim.governance.permissions import check_can_see_votes, check_can_vote
from federim.governance.policies import check_open, check_reasoned, check_votable
from federim.governance.requests import request_numbered
from federim.governance.reviews import review_of, seat_of
from federim.home import Home
from federim.model.export import Ballot


def cast(home: Home, actor: str, number: str, ballot: Ballot, *, reason: str, conditions: str = "") -> Vote:
    """Cast a vote, once, with its reason. The audit trail says who voted, not what.

    Raises
    ------
    NotAllowed
        The actor wrote the request, is not of the committee, or has no seat in the review.
    StateRefused
        The review is closed, the member is recused or has voted, or a reason or condition is missing.
    """
    member = member_named(home, actor)
    with acting(home, actor, "export.vote", request=number):
        author = request_numbered(home, number, locked=True).author.name
        check_can_vote(member, author)
        review = review_of(home, number)
        seat = seat_of(review, actor)
        check_open(closed=review.closed_at is not None)
        check_votable(recused=seat.recused, has_voted=hasattr(seat, "vote"))
        check_reasoned(ballot, reason=reason, conditions=conditions)
        return Vote.objects.using(alias(home)).create(
            seat=seat, ballot=ballot.value, reason=reason.strip(), conditions=conditions.strip()
        )


def votes(home: Home, viewer: str, number: str) -> list[Vote]:
    """The votes on the latest revision, in the order they were cast.

    Raises
    ------
    NotAllowed
        The review is open, and the viewer has not voted or wrote the request.
    """
    member = member_named(home, viewer)
    review = review_of(home, number)
    cast_votes = list(
        Vote.objects.using(alias(home)).filter(seat__review=review).select_related("seat__member")
    )
    check_can_see_votes(
        member,
        request_numbered(home, number).author.name,
        has_voted=any(vote.seat.member == member for vote in cast_votes),
        closed=review.closed_at is not None,
    )
    return cast_votes


def tally(ballots: Sequence[Ballot]) -> Move:
    """What the votes amount to: whichever side has more than half of them, else a new revision is asked for.

    An approval carries every condition any member set.
    """
    count = Counter(ballots)
    half = len(ballots) / 2
    if count[Ballot.REFUSE] > half:
        return Move.REFUSE
    if count[Ballot.APPROVE] + count[Ballot.APPROVE_WITH_CONDITIONS] > half:
        return Move.APPROVE_WITH_CONDITIONS if count[Ballot.APPROVE_WITH_CONDITIONS] else Move.APPROVE
    return Move.REQUEST_CHANGES
