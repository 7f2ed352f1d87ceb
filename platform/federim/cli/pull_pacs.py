"""`federim pull pacs`: fetch studies from a PACS into the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from federim.cli.access import Authority, Certificate, Key
from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.reading import Dask, Issuer, Policy, TestIdentities, Workers, policy_file, readers
from federim.cli.stopping import resumable
from federim.home import Role
from federim.model.errors import InputError


def pacs(
    context: typer.Context,
    peer: Annotated[
        str, typer.Argument(metavar="[AET@HOST:PORT]", help="The PACS.", show_default="from the work list")
    ] = "",
    work: Annotated[
        Path | None,
        typer.Option(
            "--work-list",
            help="TOML file that says which PACS, what and how, instead of the options below.",
            show_default=False,
        ),
    ] = None,
    aet: Annotated[str, typer.Option(help="Our AE title, as the PACS knows it.")] = "FEDERIM",
    query: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEYWORD=VALUE",
            help="What a study must match, such as StudyDate=20240101-20240131; repeatable. A patient's "
            "values belong in a work list: other users of this machine can see a command's options.",
            show_default=False,
        ),
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Have studies sent by C-MOVE to our AE title, not by C-GET.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="C-MOVE: where to listen.", show_default="a federim receive listens"
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="C-MOVE: address to listen on.")] = "127.0.0.1",
    hours: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HH:MM-HH:MM",
            help="Begin studies in these hours only, such as 20:00-06:30; repeatable.",
            show_default="any time",
        ),
    ] = None,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two studies.")] = 0.0,
    associations: Annotated[int, typer.Option(min=1, max=16, help="Most studies at a time.")] = 1,
    tls: Annotated[bool, typer.Option("--tls", help="Call the PACS over TLS.")] = False,
    ca: Authority = None,
    certificate: Certificate = None,
    key: Key = None,
    policy: Policy = "research",
    issuer: Issuer = "",
    test_identities: TestIdentities = False,
    workers: Workers = None,
    dask: Dask = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Ask a PACS for studies (C-FIND), have them sent (C-GET, C-MOVE), and pseudonymise them into the lake.

    What is here already is not fetched again, so a pull that was stopped is simply started again.
    """
    from federim_pipelines.behind import Draining
    from federim_pipelines.deidentify.policy.compilation import load_policy
    from federim_pipelines.progress import shown
    from federim_pipelines.sources.pacs.calling import Calling
    from federim_pipelines.sources.pacs.pull import pull
    from federim_pipelines.sources.pacs.worklist import WorkList, work_list
    from federim_pipelines.sources.query_words import read_query
    from federim_pipelines.sources.tls import client_tls

    home = open_home(context, Role.SITE)
    load_policy(policy)  # a mistake in it would otherwise show only once studies wait
    if (work is None) == (not peer):
        raise InputError("give either the PACS as AET@HOST:PORT or a work list that names it")
    todo = (
        WorkList.load(work)
        if work is not None
        else work_list(
            pacs=peer,
            aet=aet,
            retrieve="move" if move else "get",
            host=host,
            port=port,
            hours=hours or (),
            pause=pause,
            associations=associations,
            query=[read_query(query or ())],
        )
    )
    if not tls and (ca or certificate or key):
        raise InputError("--ca, --certificate and --key are of TLS: give --tls too")
    secured = client_tls(authority=ca, certificate=certificate, key=key) if tls else None
    with (
        resumable("what was fetched stays"),
        readers(workers, dask, home, [policy_file(policy)]) as executor,
        shown(ERR) as watch,
    ):
        draining = Draining(
            policy=policy, issuer=issuer, test_identities=test_identities, executor=executor, actor=actor
        )
        done = pull(home, todo, Calling(todo.aet, todo.peer, secured), draining, watch)
    lines = [
        f"{done.found:>9,} studies found: {done.already:,} here already, {done.pulled:,} fetched, "
        f"{done.incomplete:,} not whole",
        f"{done.images:>9,} images sent",
        f"{done.accepted:>9,} accepted",
        f"{done.duplicates:>9,} duplicates: nothing new in them",
        f"{done.quarantined:>9,} quarantined",
    ]
    if done.incomplete:
        lines.append("the same command again asks for what did not come")
    if done.waiting:
        lines.append(f"{done.waiting:>9,} wait in the spool, as another run is writing: pull again")
    report(done.as_json(), "\n".join(lines), as_json=as_json)
