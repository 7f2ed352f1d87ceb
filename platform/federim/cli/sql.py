"""`federim sql`: one SELECT over the lake, or over a frozen cohort."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from federim.cli.context import OUT, AsJson, open_home, report
from federim.home import Role


def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="One SELECT; `federim lake tables` lists what it may read.")],
    snapshot: Annotated[
        str | None,
        typer.Option(
            help="Read a frozen cohort: its id, the beginning of its id, or its name for the latest."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to print.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Read with SQL. Nothing can be written, and nothing but the lake's tables can be read."""
    from federim.lake import reader
    from federim.lake import snapshot as snapshots

    home = open_home(context, Role.SITE, Role.WORKSPACE)
    opened = (
        reader.connect_home(home)
        if snapshot is None
        else snapshots.connect(home, snapshots.load(home, snapshot))
    )
    with opened as connection:
        result = reader.query(connection, query, seconds=home.settings.query_seconds)
    shown = result.slice(0, limit)
    rows = [list(row) for row in zip(*(column.to_pylist() for column in shown.columns), strict=True)]
    truncated = result.num_rows > limit
    if not as_json:
        OUT.print(_table(result.column_names, rows))
        OUT.print(f"{len(rows)} of {result.num_rows} rows" if truncated else f"{len(rows)} rows")
        return
    report({"columns": result.column_names, "rows": rows, "truncated": truncated}, "", as_json=True)


def _table(columns: list[str], rows: list[list[Any]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE)
    for column in columns:
        table.add_column(Text(column))
    for row in rows:
        # Text, because a value such as "[red]" is no markup of ours.
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    return table
