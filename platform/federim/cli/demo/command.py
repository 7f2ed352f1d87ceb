"""The `federim demo` command: the whole job in eight steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import AsJson

STEPS = 8


def demo(
    home: Annotated[
        Path, typer.Option(help="The folder to make it in; an earlier demonstration is replaced.")
    ],
    as_json: AsJson = False,
) -> None:
    """Three synthetic hospitals, from raw files to a verified export, in a few minutes."""
    from federim.cli.demo import acts, consortium
    from federim.cli.demo.narrator import Narrator

    root = home.absolute()
    consortium.clear(root)
    narrator = Narrator(STEPS, as_json=as_json)
    with narrator.step("Found a consortium"):
        members = consortium.found(root)
        for each in members.homes:
            narrator.say(f"{each.settings.role.value:<16} {each.root}", home=str(each.root))
    with narrator.step("Invent three hospitals: nobody in them exists"):
        raw = acts.make_raw_material(narrator, root)
    with narrator.step("Pseudonymise images and records into each hospital's own lake"):
        acts.ingest_all(narrator, members, raw)
    with narrator.step("Ask a question in SQL, where the data are"):
        acts.ask(narrator, members)
    with narrator.step("Freeze the same cohort at each site"):
        frozen = acts.freeze_cohorts(narrator, members)
    with narrator.step("Train two models across the sites; no record and no image moves"):
        pages = acts.train(narrator, members, frozen)
    with narrator.step("Export what a committee approved, and let anyone verify it"):
        releases = acts.export(narrator, members, frozen)
    with narrator.step("Prove that no trail was rewritten"):
        acts.check_trails(narrator, members)
    site, program = members.sites[0].root, Path(sys.argv[0])
    narrator.end(
        [
            *(f"learning curves   {page}" for page in pages),
            *(f"release           {folder}" for folder in releases),
            f"query a lake      {program} --home {site} sql 'select * from image_occurrence limit 5'",
            f"notebook          FEDERIM_HOME={site} {program.with_name('jupyter')} lab notebooks",
        ]
    )
