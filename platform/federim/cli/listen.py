"""`federim listen`: take the messages that a laboratory's, radiology's or hospital's system sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


def listen(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen; MLLP's own is 2575.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is every network of this machine.")
    ] = "127.0.0.1",
    connections: Annotated[int, typer.Option(min=1, help="Most senders at a time.")] = 32,
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
    test_identities: Annotated[
        bool, typer.Option("--test-identities", help="Accept INS of the test and demonstration authorities.")
    ] = False,
    quiet: Annotated[
        float, typer.Option(min=0, help="Seconds without a new message after which the lake reads them.")
    ] = 15.0,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Take HL7 v2 messages (MLLP) until it is stopped (Ctrl-C, SIGTERM), and read them into the lake behind.

    A message is acknowledged (AA) once it is safe on the disk: whatever happens then, the next start goes on
    with it. What the lake cannot read is kept in the home's spool, and `federim quarantine` says why.
    """
    from federim_pipelines.behind import Draining
    from federim_pipelines.sources.mllp import SPOOL_NAME, Listening, listening
    from federim_pipelines.spool import Spool

    home = open_home(context, Role.SITE)
    where = Listening(host=host, port=port, connections=connections, tls=_tls(certificate, key, ca))
    spool = Spool(home, SPOOL_NAME)

    @contextmanager
    def listener(kept: Callable[[], None]) -> Iterator[Draining]:
        with listening(spool, where, kept):
            yield Draining(test_identities=test_identities, actor=actor)

    serve(spool, listener, ready=f"listening on {host} port {port}", quiet=quiet, as_json=as_json)


def _tls(certificate: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """TLS for those who call; none without a certificate."""
    from federim_pipelines.sources.pacs.security import server_tls

    if certificate is None:
        if key or ca:
            raise InputError("--key and --ca are of TLS: give --certificate too")
        return None
    return server_tls(certificate, key, ca)
