"""The options of every command that ends in reading input into the lake."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from federim.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from federim.home import Home

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


Dask = Annotated[
    str,
    typer.Option(
        help="Address of a Dask scheduler whose workers read instead: tcp://HOST:PORT, tls://HOST:PORT.",
        show_default=False,
    ),
]


def policy_file(policy: str) -> Path | None:
    """The file that the option names, unless it names one of the package's policies."""
    from federim_pipelines.deidentify.policy.files import NAMES

    return None if policy in NAMES else Path(policy)


def is_open_to_others(dask: str) -> bool:
    """Whether a scheduler's address is another machine's, and asks nobody for a certificate."""
    parts = urlsplit(dask if "://" in dask else f"tcp://{dask}")
    return parts.scheme != "tls" and parts.hostname not in ("127.0.0.1", "localhost", "::1")


def readers(
    workers: int | None, dask: str, home: Home, shared: Iterable[Path | None] = ()
) -> AbstractContextManager[Executor | None]:
    """Who reads, as the options say: a Dask cluster, processes of this machine, or this one alone.

    Parameters
    ----------
    shared : paths
        What a cluster's workers must see besides the home.

    Raises
    ------
    InputError
        Both options were given, or the cluster cannot be used: see `cluster.dask_workers`.
    """
    if dask:
        from federim_pipelines.cluster import dask_workers

        if workers is not None:
            raise InputError("give either --workers, processes of this machine, or --dask, a cluster's")
        if is_open_to_others(dask):
            typer.echo(
                "federim: whoever reaches that scheduler can run programs where the home's keys are: use "
                "tls:// with certificates, or a network nobody else is on",
                err=True,
            )
        return dask_workers(dask, home, [path for path in shared if path is not None])
    from federim_pipelines.processes import process_pool

    count = workers or os.cpu_count() or 1
    return process_pool(count) if count > 1 else nullcontext()
