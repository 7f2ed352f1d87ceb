"""Open a review: who sits in it, how many votes it takes, until when."""

from __future__ import annotations

from datetime import date

from federim.audit.trail import acting
from federim.database import alias
from federim.governance.members import member_named, members
from federim.governance.models import Review, Seat
from federim.governance.moves import Move
from federim.governance.permissions import can_vote, check_can_coordinate
from federim.governance.policies import check_open, check_quorum, check_votable
from federim.governance.requests import move, request_numbered, revision_of
from federim.home import Home
from federim.model.errors import NotAllowed, StateRefused


def review_of(home: Home, number: str, *, locked: bool = False) -> Review:
    """The review of the request's latest revision; raise `StateRefused` where none was opened."""
    revision = revision_of(request_numbered(home, number, locked=locked))
    review = Review.objects.using(alias(home)).filter(revision=revision).first()
    if review is None:
        raise StateRefused(f"no review of {number} was opened yet")
    return review


def open_review(home: Home, actor: str, number: str, *, due: date, quorum: int | None = None) -> Review:
    """Open the review of a submitted request, with the committee as it stands today.

    The author has no seat. `quorum` is more than half of the seats unless said otherwise.

    Raises
    ------
    NotAllowed, StateRefused
        The actor does not coordinate it; it is not submitted; the quorum cannot be.
    """
    coordinator = member_named(home, actor)
    with acting(home, actor, "export.open_review", request=number, due=due.isoformat()) as detail:
        found = request_numbered(home, number, locked=True)
        check_can_coordinate(coordinator, found.author.name)
        move(home, found, Move.OPEN_REVIEW)
        seated = [member for member in members(home) if can_vote(member, found.author.name)]
        needed = len(seated) // 2 + 1 if quorum is None else quorum
        check_quorum(needed, len(seated))
        review = Review.objects.using(alias(home)).create(revision=revision_of(found), quorum=needed, due=due)
        Seat.objects.using(alias(home)).bulk_create(Seat(review=review, member=each) for each in seated)
        detail.update(seats=len(seated), quorum=needed)
    return review


def seat_of(review: Review, name: str) -> Seat:
    """The seat of a member; raise `NotAllowed` where they have none in this review."""
    seat = review.seats.filter(member__name=name).first()
    if seat is None:
        raise NotAllowed(f"{name} has no seat in this review: the committee was fixed when it was opened")
    return seat


def recuse(home: Home, actor: str, number: str, *, reason: str) -> None:
    """Leave a review, for a tie to the author or the matter.

    Raises
    ------
    StateRefused
        The member has voted or left already, or the review is closed.
    """
    member_named(home, actor)
    with acting(home, actor, "export.recuse", request=number):
        review = review_of(home, number, locked=True)
        seat = seat_of(review, actor)
        check_open(closed=review.closed_at is not None)
        check_votable(recused=seat.recused, has_voted=hasattr(seat, "vote"))
        seat.recused, seat.recusal_reason = True, reason
        seat.save(using=alias(home), update_fields=["recused", "recusal_reason"])
