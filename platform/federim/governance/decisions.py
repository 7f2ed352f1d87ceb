"""Issue what the committee decided, one signed document a site; confirm, revoke and expire it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import documents
from federim.governance.documents import Document, Kind
from federim.governance.forms import Definition
from federim.governance.members import member_named
from federim.governance.models import Decision, Request, Review, Revocation, Vote
from federim.governance.moves import Move
from federim.governance.permissions import check_can_coordinate
from federim.governance.policies import check_decidable, check_grant, check_grant_asked, check_over
from federim.governance.requests import (
    definition_of,
    move,
    package_content,
    request_numbered,
    revision_of,
)
from federim.governance.reviews import review_of
from federim.governance.votes import tally
from federim.home import Home
from federim.model.export import Ballot
from federim.model.workspace import WorkspaceDefinition


def decide(home: Home, actor: str, number: str, *, starts: date, ends: date, today: date) -> list[Decision]:
    """Close the review and sign what its votes amount to, once for each site asked.

    Raises
    ------
    StateRefused
        The quorum is not reached, members may still vote, or the grant has no sensible end, or a later one
        than was asked for a workspace.
    """
    coordinator = member_named(home, actor)
    check_grant(starts, ends)
    with acting(home, actor, "export.decide", request=number) as detail:
        found = request_numbered(home, number, locked=True)
        check_can_coordinate(coordinator, found.author.name)
        review = review_of(home, number)
        check_grant_asked(ends, _last_day_asked(definition_of(review.revision)))
        cast = list(Vote.objects.using(alias(home)).filter(seat__review=review))
        check_decidable(
            quorum=review.quorum,
            votes=len(cast),
            waiting=review.seats.filter(recused=False, vote=None).count(),
            due=review.due,
            today=today,
        )
        move(home, found, tally([Ballot(vote.ballot) for vote in cast]))
        review.closed_at = datetime.now(UTC)
        review.save(using=alias(home), update_fields=["closed_at"])
        issued = _issue(home, found, review, cast, starts=starts, ends=ends)
        detail.update(outcome=found.status, package=review.revision.sha256, votes=len(cast))
    return issued


def last_day(home: Home, number: str, *, first: date) -> date:
    """Until when a grant runs unless said otherwise: the last day asked, or a year after its `first`."""
    asked = _last_day_asked(definition_of(revision_of(request_numbered(home, number))))
    return asked or first + timedelta(days=365)


def meet_conditions(home: Home, actor: str, number: str) -> list[Decision]:
    """Confirm that the committee's conditions are met, and sign decisions that sites may act on."""
    coordinator = member_named(home, actor)
    with acting(home, actor, "export.meet_conditions", request=number):
        found = request_numbered(home, number, locked=True)
        check_can_coordinate(coordinator, found.author.name)
        move(home, found, Move.MEET_CONDITIONS)
        review = review_of(home, number)
        granted = decisions(home, number)[0]
        cast = list(Vote.objects.using(alias(home)).filter(seat__review=review))
        return _issue(home, found, review, cast, starts=granted.starts, ends=granted.ends)


def revoke(home: Home, actor: str, number: str) -> Document:
    """Take an approval back; each site must be given the document."""
    coordinator = member_named(home, actor)
    with acting(home, actor, "export.revoke", request=number):
        found = request_numbered(home, number, locked=True)
        check_can_coordinate(coordinator, found.author.name)
        move(home, found, Move.REVOKE)
        package = revision_of(found).sha256
        document = documents.sign(home, Kind.REVOCATION, {"request": number, "package": package})
        Revocation.objects.using(alias(home)).create(package=package, issuer=home.name, document=document)
    return document


def expire(home: Home, actor: str, number: str, *, today: date) -> None:
    """Close a request whose grant has ended; raise `StateRefused` while it still runs."""
    coordinator = member_named(home, actor)
    with acting(home, actor, "export.expire", request=number):
        found = request_numbered(home, number, locked=True)
        check_can_coordinate(coordinator, found.author.name)
        move(home, found, Move.EXPIRE)
        check_over(decisions(home, number)[0].ends, today)


def decisions(home: Home, number: str) -> list[Decision]:
    """The decisions in force or last issued for the latest revision, one a site."""
    review = review_of(home, number)
    latest = {each.site: each for each in review.decisions.order_by("issued_at", "id")}
    return [latest[site] for site in sorted(latest)]


def _last_day_asked(definition: Definition) -> date | None:
    return definition.ends if isinstance(definition, WorkspaceDefinition) else None


def _issue(
    home: Home, request: Request, review: Review, cast: Sequence[Vote], *, starts: date, ends: date
) -> list[Decision]:
    revision = review.revision
    content = package_content(home.name, request.number, revision.number, revision.definition)
    issued = []
    for snapshot in definition_of(revision).snapshots:
        document = documents.sign(
            home,
            Kind.DECISION,
            {
                **content,
                "package": revision.sha256,
                "author": request.author.name,
                "site": snapshot.site,
                "outcome": request.status,
                "conditions": [vote.conditions for vote in cast if vote.conditions],
                "votes": len(cast),
                "quorum": review.quorum,
                "starts": starts.isoformat(),
                "ends": ends.isoformat(),
            },
        )
        issued.append(
            Decision.objects.using(alias(home)).create(
                review=review,
                site=snapshot.site,
                outcome=request.status,
                starts=starts,
                ends=ends,
                document=document,
            )
        )
    return issued
