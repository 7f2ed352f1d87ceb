"""`federim retention`: which datasets there are, until when each is kept, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role

retention = typer.Typer(
    help="Until when snapshots, releases and the lake are kept; federim purge removes the rest.",
    no_args_is_help=True,
    suggest_commands=False,
)


@retention.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every dataset: when it was made, until when it is kept, whether its review is overdue."""
    from federim.governance.retention.datasets import datasets

    today = datetime.now(UTC).date()
    rows = [
        {
            "dataset": each.name,
            "sort": each.sort.value,
            "made": each.made.isoformat(),
            "review_by": each.review_by.isoformat(),
            "at_most": each.at_most and each.at_most.isoformat(),
            "overdue": each.overdue(today),
        }
        for each in datasets(open_home(context, Role.SITE))
    ]
    lines = [
        f"{row['sort']:<9} {row['made']}  review by {row['review_by']}  "
        f"{'OVERDUE  ' if row['overdue'] else ''}{row['dataset']}"
        for row in rows
    ]
    report({"datasets": rows}, "\n".join(lines) or "no dataset yet", as_json=as_json)


@retention.command()
def review(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="A snapshot's id, a release's name, or lake.")],
    keep_until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day it is kept, unless reviewed again.")
    ],
    reason: Annotated[str, typer.Option(help="What it serves for, in a sentence; of no person.")],
    actor: Actor,
    as_json: AsJson = False,
) -> None:
    """Say that a dataset still serves, and until when it is kept."""
    from federim.governance.retention.reviews import review as review_

    done = review_(
        open_home(context, Role.SITE),
        actor,
        dataset,
        keep_until=keep_until.date(),
        reason=reason,
        now=datetime.now(UTC),
    )
    report(
        {"dataset": done.dataset, "keep_until": done.keep_until.isoformat()},
        f"{done.dataset} is kept until {done.keep_until}",
        as_json=as_json,
    )
