"""`federim receive`: listen for images that modalities and PACS send."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.access import Key
from federim.cli.context import Actor, AsJson, open_home
from federim.cli.service import serve
from federim.home import Role
from federim.model.errors import InputError

if TYPE_CHECKING:
    import ssl

SPOOL_OF_RECEIVED = "dicom"


def receive(
    context: typer.Context,
    aet: Annotated[str, typer.Option(help="The AE title senders call.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen; DICOM's own is 11112.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is every network of this machine.")
    ] = "127.0.0.1",
    caller: Annotated[
        list[str] | None,
        typer.Option(metavar="AET", help="An AE title that may call; repeatable.", show_default="all"),
    ] = None,
    tell: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AET@HOST:PORT",
            help="Where a sender is told what is stored (storage commitment), if not on its own association; "
            "repeatable.",
            show_default=False,
        ),
    ] = None,
    associations: Annotated[int, typer.Option(min=1, help="Most associations at a time.")] = 8,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM of this site's certificate: TLS only.", show_default=False)
    ] = None,
    key: Key = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            help="PEM of the authorities that sign senders' certificates: a sender must show one.",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[
        str, typer.Option(help="De-identification: research, basic, strict, or a TOML file of your own.")
    ] = "research",
    issuer: Annotated[
        str,
        typer.Option(help="Whose PatientID it is where it does not say.", show_default="this site's"),
    ] = "",
    test_identities: Annotated[
        bool, typer.Option("--test-identities", help="Accept INS of the test and demonstration authorities.")
    ] = False,
    quiet: Annotated[
        float, typer.Option(min=0, help="Seconds without a new image after which the lake reads them.")
    ] = 15.0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that read; 1 reads in this one.", show_default="one a processor"),
    ] = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Receive images until it is stopped (Ctrl-C, SIGTERM), and bring them into the lake behind.

    An image is acknowledged once it is safe on the disk: whatever happens then, the next start goes on with
    it. The lake keeps pseudonymised copies, so no sender should delete its own because they are stored here.
    """
    from federim_pipelines.behind import Draining
    from federim_pipelines.deidentify.policy.compilation import load_policy
    from federim_pipelines.processes import process_pool
    from federim_pipelines.sources.pacs.peer import Peer, application_title
    from federim_pipelines.sources.pacs.receiver import Listening, receiving
    from federim_pipelines.spool import Spool

    home = open_home(context, Role.SITE)
    load_policy(policy)  # a mistake in it would otherwise show only once images wait
    incoming, outgoing = _tls(certificate, key, ca)
    listening = Listening(
        aet=application_title(aet),
        host=host,
        port=port,
        callers=tuple(application_title(each) for each in caller or ()),
        known=tuple(Peer.parse(each) for each in tell or ()),
        associations=associations,
        tls=incoming,
        tls_out=outgoing,
    )
    spool = Spool(home, SPOOL_OF_RECEIVED)
    number = workers or os.cpu_count() or 1

    @contextmanager
    def listener(stored: Callable[[], None]) -> Iterator[Draining]:
        with (
            process_pool(number) if number > 1 else nullcontext() as executor,
            receiving(home, spool, listening, stored),
        ):
            yield Draining(
                policy=policy,
                issuer=issuer,
                test_identities=test_identities,
                executor=executor,
                actor=actor,
            )

    ready = f"{listening.aet} listens on {host} port {port}"
    serve(spool, listener, ready=ready, quiet=quiet, as_json=as_json)


def _tls(
    certificate: Path | None, key: Path | None, ca: Path | None
) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """TLS for those who call us and for those we call; none without a certificate."""
    from federim_pipelines.sources.pacs.security import client_tls, server_tls

    if certificate is None:
        if key or ca:
            raise InputError("--key and --ca are of TLS: give --certificate too")
        return None, None
    return server_tls(certificate, key, ca), client_tls(ca, certificate, key)
