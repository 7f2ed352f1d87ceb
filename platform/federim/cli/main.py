"""The command line's front door: global options, sub-commands, and errors as one line and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from federim import __version__
from federim.cli.context import Invocation
from federim.cli.nouns import Nouns
from federim.model.errors import FederimError

BUG_EXIT_CODE = 70  # sysexits' EX_SOFTWARE

app = typer.Typer(
    name="federim",
    cls=Nouns,
    help="Research on federated imaging cohorts: pseudonymise, query, train across sites, export.",
    no_args_is_help=True,
    suggest_commands=False,  # Click suggests by itself; both would say it twice
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes are listed in README.md; 0 is success, 2 a command line that cannot be read.",
)


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
    if os.environ.get("FEDERIM_DEBUG") != "1":
        warnings.simplefilter("ignore")  # libraries warn of a value by quoting it
    try:
        app()
    except FederimError as error:
        _complain(str(error))
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
        _complain(
            f"unexpected {type(error).__name__} at {place}; this is a bug. "
            "FEDERIM_DEBUG=1 shows the traceback, which may hold patients' values: keep it at the site."
        )
        sys.exit(BUG_EXIT_CODE)
    sys.exit(0)


def _complain(message: str) -> None:
    from federim.cli.context import ERR

    ERR.print(f"federim: {message}", markup=False, style="red")
