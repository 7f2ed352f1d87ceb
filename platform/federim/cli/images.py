"""`federim images`: a site's way to deface what shows faces, with a tool of its own."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role

images = typer.Typer(
    help="Deface images that show faces, with the site's own tool.",
    no_args_is_help=True,
    suggest_commands=False,
)


@images.command()
def held(context: typer.Context, as_json: AsJson = False) -> None:
    """List the series that may show a face, and are held from training and from leaving."""
    from federim.lake import faces
    from federim.lake.reader import connect_home

    home = open_home(context, Role.SITE)
    with connect_home(home) as connection:
        series = sorted(faces.held(connection, seconds=home.settings.query_seconds))
    report({"series": series}, "\n".join(series) or "No series may show a face.", as_json=as_json)


@images.command()
def export(
    context: typer.Context,
    series: Annotated[str, typer.Argument(help="SeriesInstanceUID, as the lake knows it.")],
    folder: Annotated[Path, typer.Option("--to", metavar="DIR", help="New or empty folder of the site.")],
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Write one series' de-identified objects into a folder, for the site's tool to deface."""
    from federim_pipelines.defaced import export_series

    count = export_series(open_home(context, Role.SITE), series, folder, actor=actor)
    report(
        {"series": series, "instances": count},
        f"{count:,} objects written. They may show a face: they stay at the site.",
        as_json=as_json,
    )


@images.command()
def replace(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of whole series, each file a defaced version.")],
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Put defaced versions in the place of the lake's own: their pixels, on the lake's own headers."""
    from federim_pipelines.defaced import replace_series

    done = replace_series(open_home(context, Role.SITE), folder, actor=actor)
    lines = [f"{each.series}  {each.changed:,} of {each.instances:,} instances defaced" for each in done]
    report(
        {"series": [asdict(each) for each in done]},
        "\n".join([*lines, "Freeze cohorts again to use them: snapshots keep what they pinned."]),
        as_json=as_json,
    )
