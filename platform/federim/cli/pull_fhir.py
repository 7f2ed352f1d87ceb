"""`federim pull fhir`: what changed on a FHIR R4 server."""

from __future__ import annotations

from collections import Counter
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
from federim.cli.reading import Dask, TestIdentities, Workers, readers
from federim.cli.stopping import resumable
from federim.home import Role

if TYPE_CHECKING:
    from federim_pipelines.sources.fhir.pull import Pulled
    from federim_pipelines.sources.web.drained import Drained


def fhir(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The server's base URL: https://HOST/…")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="RESOURCE",
            help="Which resources; may be repeated: Patient, Observation, DiagnosticReport …",
            show_default="all that the lake has tables for",
        ),
    ] = None,
    group: Annotated[
        str, typer.Option(metavar="ID", help="A Group on the server: its patients alone.", show_default=False)
    ] = "",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="What changed from then on, such as 2026-01-31T00:00:00Z.",
            show_default="where the last pull ended",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All again, whatever earlier pulls brought.")
    ] = False,
    token_file: TokenFile = None,
    token_issuer: TokenIssuer = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    authority: Authority = None,
    certificate: Certificate = None,
    key: Key = None,
    issuer: Annotated[
        str,
        typer.Option(
            help="Whose patient numbers (types PI and MR) and resource ids the server's are; a second server "
            "needs one of its own, since many count from 1.",
            show_default="this site's own register",
        ),
    ] = "",
    test_identities: TestIdentities = False,
    workers: Workers = None,
    dask: Dask = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Fetch what changed since the last pull, by bulk export or else by search, and ingest it.

    A pull that was stopped is simply started again: it goes on where it was. What was deleted on the server
    leaves the lake only where its exports tell it.
    """
    from federim_pipelines.behind import Draining
    from federim_pipelines.progress import shown
    from federim_pipelines.sources.fhir.pull import check_instant, check_kinds, pull
    from federim_pipelines.sources.tls import client_tls
    from federim_pipelines.sources.web.access import Access
    from federim_pipelines.sources.web.server import Server

    home = open_home(context, Role.SITE)
    kinds = check_kinds(kind or ())
    begin = "" if everything else None if since is None else check_instant(since)
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
    with (
        resumable("what arrived stays"),
        Server(url, Access(auth=auth, tls=tls)) as server,
        readers(workers, dask, home) as executor,
        shown(ERR) as progress,
    ):
        draining = Draining(issuer=issuer, test_identities=test_identities, executor=executor, actor=actor)
        done, drained = pull(
            home, server, kinds, group=group, since=begin, draining=draining, progress=progress
        )
    report({**done.as_json(), "ingest": drained.as_json()}, _told(done, drained), as_json=as_json)


def _told(done: Pulled, drained: Drained) -> str:
    what = "files of a bulk export" if done.how == "export" else "pages of a search"
    sums = drained.as_json()
    lines = [
        f"{done.objects:>9,} {what}, {done.bytes / 1e6:,.1f} MB",
        f"{sums['accepted']:>9,} accepted, {sums['duplicates']:,} duplicates, "
        f"{sums['quarantined']:,} quarantined",
    ]
    if done.problems:
        lines.append(f"{done.problems:>9,} files of errors: the server could not give all that was asked")
    rows: Counter[str] = Counter()
    for run in drained.runs:
        rows.update(run.rows)
    lines += ["", "Rows added:" if rows else "No row added."]
    lines += [f"{count:>9,} {table}" for table, count in sorted(rows.items())]
    return "\n".join([*lines, "", f"The next pull begins at {done.until}."])
