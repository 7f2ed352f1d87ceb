"""`federim vault relink`: give persons whose INS came late their one name everywhere."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.stopping import resumable
from federim.home import Role

relink_commands = typer.Typer()

DispositionsFile = Annotated[
    Path | None,
    typer.Option(
        "--dispositions",
        exists=True,
        dir_okay=False,
        help="The site's word on private attributes, as when the images were ingested.",
    ),
]


@relink_commands.command()
def relink(
    context: typer.Context,
    dispositions: DispositionsFile = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Rewrite what is held of persons whose INS came after their images, as every ingest does by itself.

    Pseudonym, dates and UIDs become those that other sites know, in tables, images and snapshots. Stopped, it
    goes on where it was.
    """
    from federim.lake.tables import Lake
    from federim.model.errors import LakeError
    from federim_pipelines.progress import shown
    from federim_pipelines.relink import relink

    home = open_home(context, Role.SITE)
    with Lake(home).writing() as writer, shown(ERR) as watch, resumable("what was rewritten is kept"):
        done = relink(home, writer, dispositions=dispositions, progress=watch, actor=actor)
    report(
        asdict(done),
        f"{done.persons:,} persons have one name now: {done.rows:,} rows, {done.objects:,} images, "
        f"{done.snapshots:,} snapshots rewritten",
        as_json=as_json,
    )
    if done.left:
        raise LakeError(
            f"{done.left:,} persons still have two names, because stored images of theirs are missing or "
            "damaged; see federim lake check, restore them from the site's backup, then run this again"
        )
