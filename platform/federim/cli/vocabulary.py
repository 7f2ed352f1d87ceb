"""The OMOP vocabulary of a site: what its codes mean in standard concepts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report

if TYPE_CHECKING:
    from collections.abc import Mapping

vocabulary = typer.Typer(
    help="OMOP concepts of the site's codes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@vocabulary.command()
def load(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Unpacked download of athena.ohdsi.org.", show_default=False)
    ],
    actor: Actor = "operator",
    *,
    as_json: AsJson = False,
) -> None:
    """Make a vocabulary folder (OHDSI's Athena) the site's, in the place of the one it has.

    Records ingested afterwards get the standard concepts of their codes; a code that the vocabulary does
    not map to one standard concept keeps concept 0. A SOURCE_TO_CONCEPT_MAP.csv in the folder, where the
    site maps codes of its own, goes before the rest.
    """
    from federim.audit import trail
    from federim.home import Role
    from federim.lake.concepts import load as load_folder

    home = open_home(context, Role.SITE)
    counts = load_folder(home, folder)
    codes = sum(codes for codes, _ in counts.values())
    trail.record(home, actor, "vocabulary.load", vocabularies=len(counts), codes=codes)
    _tell(counts, as_json=as_json)


@vocabulary.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Say which vocabularies the site has, and how many of their codes mean one standard concept."""
    from federim.home import Role
    from federim.lake.concepts import Concepts
    from federim.model.errors import UserError

    home = open_home(context, Role.SITE)
    concepts = Concepts.open(home)
    if concepts is None:
        raise UserError("the site has no vocabulary; load one with federim vocabulary load FOLDER")
    counts = concepts.counts()
    concepts.close()
    _tell(counts, as_json=as_json)


def _tell(counts: Mapping[str, tuple[int, int]], *, as_json: bool) -> None:
    document = {name: {"codes": codes, "standard": meant} for name, (codes, meant) in counts.items()}
    text = "\n".join(
        f"{name}: {codes:,} codes, {meant:,} with one standard concept"
        for name, (codes, meant) in counts.items()
    )
    report({"vocabularies": document}, text, as_json=as_json)
