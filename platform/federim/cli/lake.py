"""`federim lake`: what the lake holds, in numbers and in words; and its maintenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import AsJson, open_home, report
from federim.cli.lake_maintenance import maintenance
from federim.home import Role
from federim.model.errors import InputError

if TYPE_CHECKING:
    from federim.lake.maintenance.statistics import Cell, Statistics

lake = typer.Typer(
    help="What the lake holds, and its maintenance.", no_args_is_help=True, suggest_commands=False
)
lake.add_typer(maintenance)


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


@lake.command()
def stats(
    context: typer.Context,
    picture: Annotated[
        Path | None, typer.Option(help="Draw it too: FILE.svg, or FILE.png.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show rows, files and bytes a table; series by modality, studies by year, persons by site.

    What concerns few persons (the home's small_cell) is told together with more, as "other".
    """
    from federim.lake.maintenance.picture import draw
    from federim.lake.maintenance.statistics import statistics

    home = open_home(context, Role.SITE)
    if picture is not None and picture.suffix not in (".svg", ".png"):
        raise InputError(f"{picture.name}: expected a name that ends in .svg or .png")
    told = statistics(home)
    if picture is not None:
        drawn = draw(told)
        picture.write_bytes(drawn.encode() if picture.suffix == ".svg" else _png(drawn))
    report(told.as_json(), "\n".join(_told(told)), as_json=as_json)


def _png(svg: str) -> bytes:
    try:
        import vl_convert
    except ImportError:
        raise InputError(
            "a PNG needs the extra federim[notebooks]; ask for FILE.svg, or install that"
        ) from None
    return bytes(vl_convert.svg_to_png(svg, scale=2))


def _told(told: Statistics) -> list[str]:
    lines = [f"{'table':<24} {'rows':>14} {'files':>7} {'bytes':>17}"]
    lines += [
        f"{name:<24} {size.rows:>14,} {size.files:>7,} {size.bytes:>17,}"
        for name, size in told.tables.items()
    ]
    lines.append(f"{'stored instances':<24} {told.objects:>14,} {'':>7} {told.object_bytes:>17,}")
    if told.bytes_an_instance is not None:
        lines.append(f"{told.bytes_an_instance:,.1f} bytes of tables an instance")
    persons = f"fewer than {told.small_cell}" if told.persons is None else f"{told.persons:,}"
    lines.append(f"{persons} persons")
    for title, cells in (
        ("Series by modality", told.series_by_modality),
        ("Studies by year", told.studies_by_year),
        ("Persons by site", told.persons_by_site),
    ):
        lines += ["", f"{title}:", *_cells(cells)]
    return lines


def _cells(cells: tuple[Cell, ...]) -> list[str]:
    return [f"{cell.count:>12,} {cell.label}" for cell in cells] or ["  none, or too few persons to tell"]
