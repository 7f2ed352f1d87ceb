"""The commands of `federim export` that a committee and its coordinator use."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Home, Role
from federim.model.export import Ballot

if TYPE_CHECKING:
    from federim.governance.models import Decision

review_commands = typer.Typer()
Number = Annotated[str, typer.Argument(help="Number of the request, for example 2026-001.")]
DAY = ["%Y-%m-%d"]
DecisionsOut = Annotated[
    Path | None, typer.Option("--out", help="Folder to write the signed decisions into, one file a site.")
]


@review_commands.command()
def review(
    context: typer.Context,
    number: Number,
    actor: Actor,
    due: Annotated[datetime, typer.Option(formats=DAY, help="Last day to vote, YEAR-MONTH-DAY.")],
    quorum: Annotated[int | None, typer.Option(help="Votes needed; more than half of the seats.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open the review of a submitted request, with the committee as it stands today."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance.reviews import open_review

    opened = open_review(home, actor, number, due=due.date(), quorum=quorum)
    seats = [seat.member.name for seat in opened.seats.all()]
    report(
        {"request": number, "quorum": opened.quorum, "due": opened.due.isoformat(), "seats": seats},
        f"request {number} is in review until {opened.due.isoformat()}: "
        f"{opened.quorum} votes needed of {', '.join(seats)}",
        as_json=as_json,
    )


@review_commands.command()
def recuse(
    context: typer.Context,
    number: Number,
    actor: Actor,
    reason: Annotated[str, typer.Option(help="The tie to the author or the matter.")],
    as_json: AsJson = False,
) -> None:
    """Leave a review before voting."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import reviews

    reviews.recuse(home, actor, number, reason=reason)
    report(
        {"request": number, "recused": actor}, f"{actor} is recused from request {number}", as_json=as_json
    )


@review_commands.command()
def vote(
    context: typer.Context,
    number: Number,
    ballot: Annotated[Ballot, typer.Argument(help="What you say.")],
    actor: Actor,
    reason: Annotated[str, typer.Option(help="Why; the author reads it once it is decided.")],
    conditions: Annotated[
        str, typer.Option(help="What must be done first, with approve-with-conditions.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Cast a vote, once. It stays hidden from those who have not voted."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance.votes import cast

    cast(home, actor, number, ballot, reason=reason, conditions=conditions)
    report({"request": number, "voted": actor}, f"the vote of {actor} on {number} is cast", as_json=as_json)


@review_commands.command()
def decide(
    context: typer.Context,
    number: Number,
    actor: Actor,
    starts: Annotated[
        datetime | None, typer.Option(formats=DAY, help="First day of the grant; today unless given.")
    ] = None,
    ends: Annotated[
        datetime | None,
        typer.Option(
            formats=DAY, help="Last day of the grant; unless given, the one asked, or a year later."
        ),
    ] = None,
    out: DecisionsOut = None,
    as_json: AsJson = False,
) -> None:
    """Close the review and sign what the votes amount to, once for each site."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import decisions

    today = date.today()
    first = starts.date() if starts else today
    last = ends.date() if ends else decisions.last_day(home, number, first=first)
    issued = decisions.decide(home, actor, number, starts=first, ends=last, today=today)
    _report_decisions(home, number, issued, out, as_json=as_json)


@review_commands.command("meet-conditions")
def meet_conditions(
    context: typer.Context, number: Number, actor: Actor, out: DecisionsOut = None, as_json: AsJson = False
) -> None:
    """Confirm that the committee's conditions are met, and sign decisions that sites may act on."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import decisions

    issued = decisions.meet_conditions(home, actor, number)
    _report_decisions(home, number, issued, out, as_json=as_json)


@review_commands.command()
def revoke(
    context: typer.Context,
    number: Number,
    actor: Actor,
    out: Annotated[Path | None, typer.Option(help="File for the signed document the sites need.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take an approval back; give each site the document (federim export record)."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import decisions, documents

    document = decisions.revoke(home, actor, number)
    if out is not None:
        documents.write(out, document)
    report({"request": number, "status": "revoked"}, f"request {number} is revoked", as_json=as_json)


@review_commands.command()
def expire(context: typer.Context, number: Number, actor: Actor, as_json: AsJson = False) -> None:
    """Close a request whose grant has ended."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import decisions

    decisions.expire(home, actor, number, today=date.today())
    report({"request": number, "status": "expired"}, f"request {number} has expired", as_json=as_json)


def _report_decisions(
    home: Home, number: str, issued: list[Decision], out: Path | None, *, as_json: bool
) -> None:
    from federim.governance import documents

    written = []
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for each in issued:
            path = out / f"decision-{home.name}-{number}-{each.site}.json"
            documents.write(path, each.document)
            written.append(str(path))
    first = issued[0]
    report(
        {
            "request": number,
            "outcome": first.outcome,
            "starts": first.starts.isoformat(),
            "ends": first.ends.isoformat(),
            "sites": [each.site for each in issued],
            "documents": written,
        },
        f"request {number}: {first.outcome}, {first.starts.isoformat()} to {first.ends.isoformat()}, "
        f"for {', '.join(each.site for each in issued)}" + "".join(f"\nwritten  {path}" for path in written),
        as_json=as_json,
    )
