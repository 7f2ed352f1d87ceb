"""`federim init`: make a home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import AsJson, report
from federim.home import Home, Role


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
            "public_key": made.own_key.public,
            "sealing_key": made.own_key.sealing,
        },
        f"{role.value} home {made.name} made in {made.root}\n"
        f"public key {made.own_key.public}\n"
        f"sealing key {made.own_key.sealing}\n"
        "give both to the homes that must trust this one: federim trust add\n"
        "back up its keys folder apart from its data",
        as_json=as_json,
    )
