"""What every command shares: the home it works on, and how it reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from federim.home import Home, Role, find_home

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Actor = Annotated[
    str,
    typer.Option(
        "--as", envvar="FEDERIM_ACTOR", help="Who acts: a member's name, recorded in the audit trail."
    ),
]


@dataclass(frozen=True)
class Invocation:
    """What was said before the command's own name."""

    home: Path | None


def open_home(context: typer.Context, *roles: Role) -> Home:
    """The home this command works on; raise `HomeError` where it is missing or of another role."""
    invocation: Invocation = context.obj
    home = Home.open(find_home(invocation.home))
    return home.require(*roles) if roles else home


def report(document: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print the outcome of a command: `document` for programs, `text` for people."""
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, default=str))
    else:
        OUT.print(text, markup=False)
