"""`federim pull`: bring what other systems of the hospital, or other hospitals, hold."""

from __future__ import annotations

import typer

from federim.cli.pull_dicomweb import dicomweb
from federim.cli.pull_drimbox import drimbox
from federim.cli.pull_fhir import fhir
from federim.cli.pull_pacs import pacs
from federim.cli.pull_sources import sources

pull = typer.Typer(
    help="Bring images and records from a PACS, a DICOMweb or FHIR server, or a DRIMbox, into the lake.",
    no_args_is_help=True,
    suggest_commands=False,
)
for _command in (pacs, dicomweb, drimbox, sources, fhir):
    pull.command()(_command)
