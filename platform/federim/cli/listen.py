"""`federim listen`: take the messages that a laboratory's, radiology's or hospital's system sends."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.access import Key
from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.home import Role
from federim.model.errors import InputError, UserError

if TYPE_CHECKING:
    import ssl

    from federim_pipelines.accounting import RunReport


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
    from federim_pipelines.behind import Draining, drain_behind
    from federim_pipelines.sources.mllp import SPOOL_NAME, Listening, listening
    from federim_pipelines.spool import Spool

    home = open_home(context, Role.SITE)
    where = Listening(host=host, port=port, connections=connections, tls=_tls(certificate, key, ca))
    spool = Spool(home, SPOOL_NAME)
    counts: Counter[str] = Counter()

    def count(done: RunReport) -> None:
        counts.update(
            runs=1, accepted=done.accepted, duplicates=done.duplicates, quarantined=done.quarantined
        )
        ERR.print(
            f"{done.run}: {done.accepted:,} accepted, {done.duplicates:,} duplicates, "
            f"{done.quarantined:,} quarantined"
        )

    def complain(error: UserError) -> None:
        ERR.print(f"federim: {error}; tried again in a while", markup=False, style="red")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening(spool, where, lambda: counts.update(received=1)):
            ERR.print(f"listening on {host} port {port}", markup=False)
            draining = Draining(test_identities=test_identities, actor=actor)
            drain_behind(spool, draining, threading.Event(), quiet=quiet, done=count, refused=complain)
    except KeyboardInterrupt:
        pass
    words = ("received", "runs", "accepted", "duplicates", "quarantined")
    document = {word: counts[word] for word in words} | {"waiting": len(spool.waiting)}
    report(document, "\n".join(f"{n:>9,} {word}" for word, n in document.items()), as_json=as_json)


def _tls(certificate: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """TLS for those who call; none without a certificate."""
    from federim_pipelines.sources.pacs.security import server_tls

    if certificate is None:
        if key or ca:
            raise InputError("--key and --ca are of TLS: give --certificate too")
        return None
    return server_tls(certificate, key, ca)
