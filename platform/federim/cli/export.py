"""`federim export`: ask for an export, follow it, and check what left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.cli.export_review import review_commands
from federim.cli.export_site import site_commands
from federim.home import Role

export = typer.Typer(
    help="What may leave or be read in a workspace, who said so, and what left.",
    no_args_is_help=True,
    suggest_commands=False,
)
Number = Annotated[str, typer.Argument(help="Number of the request, for example 2026-001.")]


@export.command()
def request(
    context: typer.Context,
    form: Annotated[Path, typer.Argument(help="The request form, TOML.", exists=True, dir_okay=False)],
    actor: Actor,
    revises: Annotated[str, typer.Option(help="Reword this draft, or request sent back, instead.")] = "",
    amends: Annotated[str, typer.Option(help="The request that this new one amends.")] = "",
    as_json: AsJson = False,
) -> None:
    """Draft a request from a form, for an export or a workspace; each site then measures its risk.

    format = "workspace" in the form asks for single persons' rows, read in a home of the project's own.
    """
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import requests
    from federim.governance.forms import read_form

    if revises and amends:
        raise typer.BadParameter("give --revises or --amends, not both")
    definition = read_form(form)
    if revises:
        number = revises
        requests.revise(home, actor, number, definition)
    else:
        number = requests.request(home, actor, definition, amends=amends).number
    revision = requests.revision_of(requests.request_numbered(home, number))
    report(
        {"request": number, "revision": revision.number, "package": revision.sha256},
        f"request {number}, revision {revision.number}, package {revision.sha256}\n"
        "next: each site assesses it (federim export assess), then federim export submit",
        as_json=as_json,
    )


@export.command()
def submit(context: typer.Context, number: Number, actor: Actor, as_json: AsJson = False) -> None:
    """Freeze the package and hand it in; every site must have found its risk acceptable."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import requests

    revision = requests.submit(home, actor, number)
    report(
        {"request": number, "revision": revision.number, "package": revision.sha256},
        f"request {number} is submitted; its package {revision.sha256} is frozen",
        as_json=as_json,
    )


@export.command()
def withdraw(context: typer.Context, number: Number, actor: Actor, as_json: AsJson = False) -> None:
    """Take a request back before it is decided."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import requests

    requests.withdraw(home, actor, number)
    report({"request": number, "status": "withdrawn"}, f"request {number} is withdrawn", as_json=as_json)


@export.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every request, where it stands and whose turn it is."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance.moves import turn
    from federim.governance.requests import requests

    found = [
        {
            "request": each.number,
            "author": each.author.name,
            "status": each.status,
            "turn": turn(each.stands),
        }
        for each in requests(home)
    ]
    lines = [
        f"{each['request']:<10} {each['status']:<24} {each['author']:<16} "
        f"{'waits for the ' + each['turn'] if each['turn'] else ''}".rstrip()
        for each in found
    ]
    report({"requests": found}, "\n".join(lines) or "no request yet", as_json=as_json)


@export.command()
def show(
    context: typer.Context,
    number: Number,
    viewer: Annotated[
        str,
        typer.Option("--as", envvar="FEDERIM_ACTOR", help="Who reads; votes show to whoever may see them."),
    ] = "",
    package: Annotated[
        Path | None, typer.Option(help="Also write the signed package here, for the sites to assess.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a request: what it asks, its risk at each site, its review and its decisions."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import documents, requests
    from federim.governance.summary import as_text, summary

    document = summary(home, number, viewer)
    if package is not None:
        documents.write(package, requests.package(home, number))
    report(document, as_text(document), as_json=as_json)


@export.command()
def verify(
    context: typer.Context,
    release: Annotated[str, typer.Argument(help="A release of this home by name, or any release's folder.")],
    as_json: AsJson = False,
) -> None:
    """Check every byte and signature of a release; exit 14 where one was changed."""
    home = open_home(context)
    from dataclasses import asdict

    from federim.governance.verification import find_release
    from federim.governance.verification import verify as verify_release

    found = verify_release(home, find_release(home, release))
    document: dict[str, Any] = {**asdict(found), "ok": True}
    receipt = f"countersigned by {found.countersigned_by}" if found.countersigned_by else "not countersigned"
    report(
        document,
        f"ok  {found.release}: {found.files} files as {found.site} signed them; {receipt}",
        as_json=as_json,
    )


@export.command()
def diagram() -> None:
    """Print the life of a request as a Mermaid diagram, drawn from the table of moves."""
    from federim.governance.diagram import mermaid

    typer.echo(mermaid())


# Without a name, their commands become commands of `export` itself.
export.add_typer(review_commands)
export.add_typer(site_commands)
