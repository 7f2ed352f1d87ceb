"""What every command shares: the home it works on, and how it reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from federim.home import Home, Role

    OUT: Console
    ERR: Console

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Actor = Annotated[
    str,
    typer.Option(
        "--as", envvar="FEDERIM_ACTOR", help="Who acts: a member's name, recorded in the audit trail."
    ),
]


def __getattr__(name: str) -> Any:
    # Where people read. Rich takes a while to import, and programs read JSON.
    if name in ("OUT", "ERR"):
        return _console(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _console(name: str) -> Console:
    from rich.console import Console

    return Console(stderr=name == "ERR", highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Invocation:
    """What was said before the command's own name."""

    home: Path | None


def open_home(context: typer.Context, *roles: Role) -> Home:
    """The home this command works on; raise `HomeError` where it is missing or of another role."""
    from federim.home import Home, find_home

    invocation: Invocation = context.obj
    home = Home.open(find_home(invocation.home))
    return home.require(*roles) if roles else home


def report(document: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print the outcome of a command: `document` for programs, `text` for people."""
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, default=str))
    else:
        _console("OUT").print(text, markup=False)
