"""`federim init` and `trust`: make a home, and say who is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import AsJson, open_home, report
from federim.home import Home, Role

trust = typer.Typer(help="Public keys this home believes.", no_args_is_help=True, suggest_commands=False)


def init(
    home: Annotated[Path, typer.Argument(help="The folder to make; it must not exist or be empty.")],
    role: Annotated[Role, typer.Option(help="What runs here.")],
    name: Annotated[str, typer.Option(help="Short lower-case name, for example chu-nord.")],
    key_server: Annotated[
        str,
        typer.Option(
            help="Who links patients with other sites: embedded:FILE, which they use too, or https://HOST:PORT."
        ),
    ] = "",
    test_identities: Annotated[
        bool, typer.Option("--test-identities", help="Accept INS of the test and demo authorities.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a home: its folders, keys and settings, readable by its owner alone."""
    from federim.database import migrate

    chosen = {"key_server": key_server, "test_identities": test_identities}
    made = Home.create(home, role=role, name=name, **{key: value for key, value in chosen.items() if value})
    migrate(made)
    report(
        {
            "home": str(made.root),
            "role": role.value,
            "name": made.name,
            "public_key": made.signing_key.public,
        },
        f"{role.value} home {made.name} made in {made.root}\n"
        f"public key {made.signing_key.public}: give it to the homes that must trust this one\n"
        "back up its keys folder apart from its data",
        as_json=as_json,
    )


@trust.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show whose signatures this home believes."""
    known = open_home(context).trusted
    report(
        {"trusted": known},
        "\n".join(f"{name:<40} {public}" for name, public in sorted(known.items())),
        as_json=as_json,
    )


@trust.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The other home's name.")],
    public: Annotated[str, typer.Argument(help="Its public key, 64 hexadecimal digits.")],
    as_json: AsJson = False,
) -> None:
    """Believe another home's signatures, after comparing its key over a second channel."""
    home = open_home(context)
    home.trust(name, public)
    report({"trusted": home.trusted}, f"signatures of {name} are now believed", as_json=as_json)
