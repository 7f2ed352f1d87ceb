"""`federim annotate`: what a model found, written for the site's PACS."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role


def annotate(
    context: typer.Context,
    series: Annotated[str, typer.Argument(help="SeriesInstanceUID, as the lake knows it.")],
    description: Annotated[
        Path, typer.Argument(help="TOML file: the algorithm, its segments and findings, each with its codes.")
    ],
    originals: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder that holds the series' original files, as the PACS has them."
        ),
    ],
    folder: Annotated[Path, typer.Option("--to", metavar="DIR", help="New or empty folder of the site.")],
    mask: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="NumPy file of the segments' numbers: slices (axial ones head first), rows, columns.",
        ),
    ] = None,
    issuer: Annotated[
        str, typer.Option(help="Whose patient numbers those are that do not say it, as when ingested.")
    ] = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Write a model's segmentation and measurements on a series' original UIDs, for the site's own PACS."""
    from federim_pipelines import annotate as annotating

    done = annotating.annotate(
        open_home(context, Role.SITE),
        series,
        description,
        originals_in=originals,
        to=folder,
        mask=mask,
        issuer=issuer,
        actor=actor,
    )
    report(
        asdict(done),
        f"{' and '.join(done.files)} written. They name the patient: they stay at the site.",
        as_json=as_json,
    )
