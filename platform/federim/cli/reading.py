"""The options of every command that ends in reading input into the lake."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from concurrent.futures import Executor

Policy = Annotated[
    str, typer.Option(help="De-identification: research, basic, strict, or a TOML file of your own.")
]
Issuer = Annotated[
    str,
    typer.Option(
        help="Who gave the patient numbers that do not say: another hospital's name, for what comes from it.",
        show_default="this site's own register",
    ),
]
TestIdentities = Annotated[
    bool,
    typer.Option(
        "--test-identities", help="Take INS of the test and demonstration authorities (OID .10, .11)."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes that read; 1 reads in this one.", show_default="one a processor"),
]


def readers(workers: int | None) -> AbstractContextManager[Executor | None]:
    """As many processes as the option says, or none where this one reads."""
    from federim_pipelines.processes import process_pool

    count = workers or os.cpu_count() or 1
    return process_pool(count) if count > 1 else nullcontext()
