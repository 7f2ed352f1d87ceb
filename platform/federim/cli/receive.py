"""`federim receive`: listen for images that modalities and PACS send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from federim.cli.access import Key, OwnCertificate, SendersAuthority, listening_tls
from federim.cli.context import Actor, AsJson, open_home
from federim.cli.reading import Dask, Issuer, Policy, TestIdentities, Workers, policy_file, readers
from federim.cli.service import serve
from federim.home import Role

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
    certificate: OwnCertificate = None,
    key: Key = None,
    ca: SendersAuthority = None,
    policy: Policy = "research",
    issuer: Issuer = "",
    test_identities: TestIdentities = False,
    quiet: Annotated[
        float, typer.Option(min=0, help="Seconds without a new image after which the lake reads them.")
    ] = 15.0,
    workers: Workers = None,
    dask: Dask = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Receive images until it is stopped (Ctrl-C, SIGTERM), and bring them into the lake behind.

    An image is acknowledged once it is safe on the disk: whatever happens then, the next start goes on with
    it. The lake keeps pseudonymised copies, so no sender should delete its own because they are stored here.
    """
    from federim_pipelines.behind import Draining
    from federim_pipelines.deidentify.policy.compilation import load_policy
    from federim_pipelines.sources.pacs.peer import Peer, application_title
    from federim_pipelines.sources.pacs.receiver import Listening, receiving
    from federim_pipelines.sources.tls import client_tls
    from federim_pipelines.spool import Spool

    home = open_home(context, Role.SITE)
    load_policy(policy)  # a mistake in it would otherwise show only once images wait
    incoming = listening_tls(certificate, key, ca)
    listening = Listening(
        aet=application_title(aet),
        host=host,
        port=port,
        callers=tuple(application_title(each) for each in caller or ()),
        known=tuple(Peer.parse(each) for each in tell or ()),
        associations=associations,
        tls=incoming,
        tls_out=incoming and client_tls(authority=ca, certificate=certificate, key=key),
    )
    spool = Spool(home, SPOOL_OF_RECEIVED)

    @contextmanager
    def listener(stored: Callable[[], None]) -> Iterator[Draining]:
        with (
            readers(workers, dask, home, [policy_file(policy)]) as executor,
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
