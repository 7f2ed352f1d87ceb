"""`federim pull dicomweb`: what a PACS gives over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.access import (
    Authority,
    Certificate,
    ClientId,
    ClientSecretFile,
    Key,
    TokenFile,
    TokenIssuer,
    authenticated,
)
from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.reading import Issuer, Policy, TestIdentities
from federim.cli.stopping import resumable
from federim.home import Role

if TYPE_CHECKING:
    from federim_pipelines.sources.dicomweb.pull import Pulled
    from federim_pipelines.sources.web.drained import Drained


def dicomweb(
    context: typer.Context,
    url: Annotated[
        str, typer.Argument(help="The server's DICOMweb service: https://HOST/…, below which /studies is.")
    ],
    query: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEYWORD=VALUE",
            help="Which studies; may be repeated: ModalitiesInStudy=CT, StudyDate=20240101-20240630.",
            show_default="all",
        ),
    ] = None,
    token_file: TokenFile = None,
    token_issuer: TokenIssuer = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    authority: Authority = None,
    certificate: Certificate = None,
    key: Key = None,
    policy: Policy = "research",
    issuer: Issuer = "",
    test_identities: TestIdentities = False,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Search a DICOMweb server (QIDO-RS), retrieve what is new (WADO-RS) and ingest it.

    A pull that was stopped is simply started again: it goes on with the series that lack.
    """
    from federim_pipelines.behind import Draining
    from federim_pipelines.progress import shown
    from federim_pipelines.sources.dicomweb.pull import pull
    from federim_pipelines.sources.dicomweb.search import parse_query
    from federim_pipelines.sources.tls import client_tls
    from federim_pipelines.sources.web.access import Access
    from federim_pipelines.sources.web.server import Server

    home = open_home(context, Role.SITE)
    auth = authenticated(
        token_file=token_file,
        token_issuer=token_issuer,
        client_id=client_id,
        client_secret_file=client_secret_file,
        authority=authority,
        certificate=certificate,
        key=key,
    )
    tls = client_tls(authority=authority, certificate=certificate, key=key)
    draining = Draining(policy=policy, issuer=issuer, test_identities=test_identities, actor=actor)
    asked = parse_query(query or ())
    with (
        resumable("what arrived stays"),
        Server(url, Access(auth=auth, tls=tls)) as server,
        shown(ERR) as progress,
    ):
        done, drained = pull(home, server, asked, draining=draining, progress=progress)
    report({**done.as_json(), "ingest": drained.as_json()}, _told(done, drained), as_json=as_json)


def _told(done: Pulled, drained: Drained) -> str:
    sums = drained.as_json()
    lines = [
        f"{done.studies:>9,} studies match",
        f"{done.series:>9,} series in those that are new or have grown, {done.known:,} of them known",
        f"{done.instances:>9,} instances retrieved",
        f"{sums['accepted']:>9,} accepted, {sums['duplicates']:,} duplicates, "
        f"{sums['quarantined']:,} quarantined",
    ]
    if done.incomplete:
        lines.append(f"{done.incomplete:>9,} series came incomplete; the next pull asks again")
    lines += [f"{count:>9,} series refused ({status})" for status, count in sorted(done.refused.items())]
    return "\n".join(lines)
