"""`federim lake`: what the lake holds, in numbers and in words."""

from __future__ import annotations

import typer

from federim.cli.context import AsJson, open_home, report
from federim.home import Role

lake = typer.Typer(help="What the lake holds.", no_args_is_help=True, suggest_commands=False)


@lake.command()
def tables(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every table and its number of rows."""
    from federim.lake.reader import connect_home, query
    from federim.lake.schema import TABLES

    home = open_home(context, Role.SITE, Role.WORKSPACE)
    counts = ", ".join(f'(SELECT count(*) FROM "{name}") AS "{name}"' for name in TABLES)
    with connect_home(home) as connection:
        (rows,) = query(connection, f"SELECT {counts}", seconds=home.settings.query_seconds).to_pylist()
    report(rows, "\n".join(f"{name:<24} {count:>14,}" for name, count in rows.items()), as_json=as_json)


@lake.command()
def dictionary(context: typer.Context, as_json: AsJson = False) -> None:  # noqa: ARG001 — needs no home
    """Show what every table and column means, as Markdown."""
    from federim.lake.dictionary import as_markdown, as_rows

    report({"columns": as_rows()}, as_markdown(), as_json=as_json)
