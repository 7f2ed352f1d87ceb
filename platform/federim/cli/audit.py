"""`federim audit`: read the trail of who did what, and prove it whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from federim.cli.context import AsJson, open_home, report

audit = typer.Typer(help="Who did what, when.", no_args_is_help=True, suggest_commands=False)


@audit.command("list")
def list_(
    context: typer.Context,
    act: Annotated[str, typer.Option(help="Only this act, or family of acts, for example 'export'.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many events, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the latest events."""
    home = open_home(context)
    from federim.audit.trail import events

    found = [
        {
            "sequence": event.sequence,
            "at": event.at.isoformat(timespec="seconds"),
            "actor": event.actor,
            "act": event.act,
            "detail": event.detail,
        }
        for event in events(home, act=act, limit=limit)
    ]
    lines = [
        f"{event['sequence']:>6}  {event['at']}  {event['actor']:<16} {event['act']:<20} "
        + " ".join(f"{name}={value}" for name, value in event["detail"].items())
        for event in found
    ]
    report({"events": found}, "\n".join(lines) or "no event yet", as_json=as_json)


@audit.command()
def verify(context: typer.Context, as_json: AsJson = False) -> None:
    """Check every link and signature of the trail; exit 14 where it is broken."""
    home = open_home(context)
    from federim.audit.trail import verify as verify_trail
    from federim.model.errors import VerificationFailed

    found = verify_trail(home)
    where = "the trail" if found.broken_at is None else f"event {found.broken_at}"
    text = (
        f"{found.events} events, whole"
        if found.ok
        else f"{found.events} events, broken at {where}: {found.reason}"
    )
    report(asdict(found), text, as_json=as_json)
    if not found.ok:
        raise typer.Exit(VerificationFailed.exit_code)
