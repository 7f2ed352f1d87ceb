"""`federim listen`: take the messages that a laboratory's, radiology's or hospital's system sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from federim.cli.access import Key, OwnCertificate, SendersAuthority, listening_tls
from federim.cli.context import Actor, AsJson, open_home
from federim.cli.reading import TestIdentities
from federim.cli.service import serve
from federim.home import Role


def listen(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to listen; MLLP's own is 2575.")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 is every network of this machine.")
    ] = "127.0.0.1",
    connections: Annotated[int, typer.Option(min=1, help="Most senders at a time.")] = 32,
    certificate: OwnCertificate = None,
    key: Key = None,
    ca: SendersAuthority = None,
    test_identities: TestIdentities = False,
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
    where = Listening(host=host, port=port, connections=connections, tls=listening_tls(certificate, key, ca))
    spool = Spool(home, SPOOL_NAME)

    @contextmanager
    def listener(kept: Callable[[], None]) -> Iterator[Draining]:
        with listening(spool, where, kept):
            yield Draining(test_identities=test_identities, actor=actor)

    serve(spool, listener, ready=f"listening on {host} port {port}", quiet=quiet, as_json=as_json)
