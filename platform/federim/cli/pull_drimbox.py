"""`federim pull drimbox`: what KOS manifests name, from the hospitals that keep it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from federim.cli.reading import Policy, TestIdentities
from federim.cli.stopping import resumable
from federim.home import Role
from federim.model.errors import InputError

if TYPE_CHECKING:
    from federim_pipelines.sources.drimbox.manifest import Manifest

Entry = dict[str, Any]  # of one manifest, in the report

SourcesFile = Annotated[
    Path | None,
    typer.Option(
        "--sources",
        help="The signed list of DRIMbox sources.",
        show_default="drimbox-sources.json in the home",
    ),
]


def drimbox(
    context: typer.Context,
    manifests: Annotated[
        list[Path], typer.Argument(metavar="KOS...", help="KOS manifests, DICOM files. They are not kept.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only show which studies, series and URLs would be asked for."),
    ] = False,
    sources: SourcesFile = None,
    token_file: TokenFile = None,
    token_issuer: TokenIssuer = None,
    client_id: ClientId = None,
    client_secret_file: ClientSecretFile = None,
    authority: Authority = None,
    certificate: Certificate = None,
    key: Key = None,
    policy: Policy = "research",
    test_identities: TestIdentities = False,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Retrieve what manifests name from the sources of the signed list, and withdraw what they take back.

    Ends with code 4 if any manifest could not be followed.
    """
    from federim_pipelines.sources.drimbox.allow_list import AllowList
    from federim_pipelines.sources.drimbox.plan import Plan

    home = open_home(context, Role.SITE)
    listed = sources or home.drimbox_sources
    read = [_read(path) for path in manifests]
    if dry_run:
        allowed = AllowList.read(home, listed) if sources or listed.exists() else None
        entries = [_unread(one) if isinstance(one, str) else Plan(one, allowed).as_json() for one in read]
        _finish({"manifests": entries}, entries, _planned, as_json=as_json)
        return
    from federim_pipelines.behind import Draining
    from federim_pipelines.progress import shown
    from federim_pipelines.sources.drimbox.allow_list import Source
    from federim_pipelines.sources.drimbox.pinned import pinned_context
    from federim_pipelines.sources.drimbox.pull import Consumer
    from federim_pipelines.sources.web.access import Access
    from federim_pipelines.sources.web.server import Server

    allowed = AllowList.read(home, listed)
    auth = authenticated(
        token_file=token_file,
        token_issuer=token_issuer,
        client_id=client_id,
        client_secret_file=client_secret_file,
        authority=authority,
        certificate=certificate,
        key=key,
    )
    if auth is None:
        raise InputError("a DRIMbox answers nobody without a token; give --token-file or --token-issuer")

    def connect(source: Source) -> Server:
        tls = pinned_context(source.certificates, authority=authority, certificate=certificate, key=key)
        return Server(source.url, Access(auth=auth, tls=tls))

    draining = Draining(policy=policy, test_identities=test_identities, actor=actor)
    with (
        resumable("what arrived stays"),
        shown(ERR) as progress,
        Consumer(home, allowed, connect, draining, progress) as consumer,
    ):
        entries = [_unread(one) if isinstance(one, str) else consumer.follow(one).as_json() for one in read]
        ingested = {name: drained.as_json() for name, drained in consumer.drained.items()}
    _finish({"manifests": entries, "ingest": ingested}, entries, _followed, as_json=as_json)


def _read(path: Path) -> Manifest | str:
    """The manifest in a file, or why it is none, without the file's name: it may tell of a patient."""
    from federim_pipelines.sources.drimbox.manifest import read_manifest

    try:
        return read_manifest(path.read_bytes())
    except OSError as error:
        return f"the file cannot be read ({type(error).__name__})"
    except InputError as error:
        return str(error)


def _unread(reason: str) -> Entry:
    return {"refused": reason}


def _finish(
    document: Entry, entries: list[Entry], tell: Callable[[Entry], list[str]], *, as_json: bool
) -> None:
    lines: list[str] = []
    for number, entry in enumerate(entries, 1):
        refused = entry.get("refused")
        lines += [f"manifest {number}", *([f"  not followed: {refused}"] if refused else tell(entry))]
    report(document, "\n".join(lines), as_json=as_json)
    if any(entry.get("refused") for entry in entries):
        raise typer.Exit(InputError.exit_code)


def _planned(plan: Entry) -> list[str]:
    lines = [f"  {plan['dialect']}, title {plan['title']}, {plan['instances']:,} instances"]
    if plan["rejects"]:
        lines.append("  takes back what it names:")
    for study in plan["studies"]:
        lines.append(f"  study {study['StudyInstanceUID']}")
        for series in study["series"]:
            place = series["url"] or f"location {series['RetrieveLocationUID']}"
            lines.append(f"    series {series['SeriesInstanceUID']}  {series['instances']:,} instances")
            lines.append(f"      {place}  ({series['source'] or 'no source of the list'})")
    return lines


def _followed(done: Entry) -> list[str]:
    from federim_pipelines.sources.drimbox.consumer import SENTENCES, Ending

    lines = [f"{count:>9,} series {end}: {SENTENCES[Ending(end)]}" for end, count in done["series"].items()]
    for name, what in (
        ("instances", "instances retrieved"),
        ("unnamed", "more that the manifest does not name; nothing of them was kept"),
        ("unlinked", "of them stay with their local patient: they do not fit the manifest's INS"),
        ("withdrawn", "withdrawn from the lake"),
    ):
        if done[name]:
            lines.append(f"{done[name]:>9,} {what}")
    return lines or ["  nothing to do"]
