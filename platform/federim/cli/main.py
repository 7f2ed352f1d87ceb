"""The command line's front door: global options, sub-commands, and errors as one line and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from federim import __version__
from federim.cli.audit import audit
from federim.cli.cohort import cohort
from federim.cli.context import ERR, Invocation
from federim.cli.demo.command import demo
from federim.cli.export import export
from federim.cli.federated import federated
from federim.cli.homes import init, keyserver, trust
from federim.cli.ingest import ingest
from federim.cli.lake import lake
from federim.cli.member import member
from federim.cli.quarantine import quarantine
from federim.cli.sql import sql
from federim.model.errors import FederimError

BUG_EXIT_CODE = 70  # sysexits' EX_SOFTWARE

app = typer.Typer(
    name="federim",
    help="Research on federated imaging cohorts: pseudonymise, query, train across sites, export.",
    no_args_is_help=True,
    suggest_commands=False,  # Click suggests by itself; both would say it twice
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes are listed in README.md; 0 is success, 2 a command line that cannot be read.",
)
for command in (init, demo, ingest, sql, keyserver):
    app.command()(command)
for noun, group in {
    "quarantine": quarantine,
    "cohort": cohort,
    "lake": lake,
    "federated": federated,
    "export": export,
    "member": member,
    "audit": audit,
    "trust": trust,
}.items():
    app.add_typer(group, name=noun)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"federim {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="FEDERIM_HOME", help="The home folder to work on.", show_default=False),
    ] = None,
    version: Annotated[  # noqa: ARG001 — the callback above acts on it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Keep what was said before the command's own name."""
    context.obj = Invocation(home=home)


def run() -> NoReturn:
    """Run the command line; end with the exit code of what went wrong."""
    try:
        app()
    except FederimError as error:
        ERR.print(f"federim: {error}", markup=False, style="red")
        sys.exit(error.exit_code)
    except Exception as error:
        # An unforeseen exception's text may hold a patient's value (a parser quoting its input),
        # so only its kind and place are shown.
        if os.environ.get("FEDERIM_DEBUG") == "1":
            raise
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "unknown"
        ERR.print(
            f"federim: unexpected {type(error).__name__} at {place}; this is a bug. "
            "FEDERIM_DEBUG=1 shows the traceback, which may hold patients' values: keep it at the site.",
            markup=False,
            style="red",
        )
        sys.exit(BUG_EXIT_CODE)
    sys.exit(0)
