"""`federim reidentify`: find out who a pseudonym stands for, with a ticket and two people."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role
from federim.model.identifiers import Pseudonym
from federim.model.reidentification import Ground

if TYPE_CHECKING:
    from federim.home import Home

reidentify = typer.Typer(
    help="Who a pseudonym stands for: a ticket, two people, one person at a time, all of it audited.",
    no_args_is_help=True,
    suggest_commands=False,
)

Whom = Annotated[str, typer.Option("--pseudonym", help="Of this site's lake or of --project; - reads it.")]
Project = Annotated[
    str, typer.Option(help="The project whose pseudonym it is.", show_default="none: the lake's own")
]
Number = Annotated[int, typer.Argument(help="The request's number.")]


@reidentify.command()
def ask(
    context: typer.Context,
    pseudonym: Whom,
    ticket: Annotated[str, typer.Option(help="Number of the site's own ticket, one word.")],
    ground: Annotated[Ground, typer.Option(help="What it is for.")],
    actor: Actor,
    project: Project = "",
    as_json: AsJson = False,
) -> None:
    """Ask to recognise one person. Another member must agree."""
    from federim.governance.reidentification import ask as ask_

    home = open_home(context, Role.SITE)
    asked = ask_(
        home,
        actor,
        _read(pseudonym),
        ticket=ticket,
        ground=ground,
        now=datetime.now(UTC),
        **_key(home, project),
    )
    report(
        {"number": asked.number, "standing": asked.standing},
        f"request {asked.number} made; another reidentifier says: federim reidentify agree {asked.number}",
        as_json=as_json,
    )


@reidentify.command()
def agree(context: typer.Context, number: Number, actor: Actor, as_json: AsJson = False) -> None:
    """Agree that the member who asked may know who it is."""
    _answer(context, number, actor, agree_=True, as_json=as_json)


@reidentify.command()
def refuse(context: typer.Context, number: Number, actor: Actor, as_json: AsJson = False) -> None:
    """Refuse it."""
    _answer(context, number, actor, agree_=False, as_json=as_json)


@reidentify.command("open")
def open_(
    context: typer.Context,
    number: Number,
    pseudonym: Whom,
    actor: Actor,
    uid: Annotated[
        list[str] | None, typer.Option(help="A keyed UID of the finding: the PACS' own is shown beside.")
    ] = None,
    project: Project = "",
    as_json: AsJson = False,
) -> None:
    """Show once, on this terminal alone, who the person is."""
    from federim.governance.reidentification import recognise

    home = open_home(context, Role.SITE)
    found = recognise(
        home,
        actor,
        number,
        _read(pseudonym),
        now=datetime.now(UTC),
        keyed_uids=uid or (),
        **_key(home, project),
    )
    lines = [f"{issuer or 'this site'}: {value}" for issuer, value in found.identifiers]
    lines += [f"{keyed}\n    {original}" for keyed, original in found.originals.items()]
    report(
        {
            "identifiers": [{"issuer": issuer, "value": value} for issuer, value in found.identifiers],
            "originals": found.originals,
        },
        "\n".join(lines),
        as_json=as_json,
    )


@reidentify.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every request: ticket, ground, who asked, who answered, where it stands. Never whom."""
    from federim.governance.reidentification import requests

    found = requests(open_home(context, Role.SITE))
    rows = [
        {
            "number": each.number,
            "ticket": each.ticket,
            "ground": each.ground,
            "standing": each.standing,
            "asked_by": each.asked_by,
            "answered_by": each.answered_by,
        }
        for each in found
    ]
    lines = [
        f"{row['number']:>4}  {row['standing']:<8} {row['ground']:<19} {row['ticket']:<20} "
        f"{row['asked_by']} {row['answered_by']}".rstrip()
        for row in rows
    ]
    report({"requests": rows}, "\n".join(lines) or "no request yet", as_json=as_json)


def _answer(context: typer.Context, number: int, actor: str, *, agree_: bool, as_json: bool) -> None:
    from federim.governance.reidentification import answer

    home = open_home(context, Role.SITE)
    answered = answer(home, actor, number, agree=agree_, now=datetime.now(UTC))
    report(
        {"number": number, "standing": answered.standing},
        f"request {number} is {answered.standing}",
        as_json=as_json,
    )


def _read(pseudonym: str) -> Pseudonym:
    return Pseudonym((sys.stdin.readline() if pseudonym == "-" else pseudonym).strip())


def _key(home: Home, project: str) -> dict[str, bytes | None]:
    if not project:
        return {}
    from federim_federated import project_key

    found = project_key.read(home, project)
    return {"project_key": found.key, "epoch": found.epoch}
