"""The commands of `federim export` that measure, build and exchange documents at a site."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Home, Role

if TYPE_CHECKING:
    from federim.governance.documents import Document

site_commands = typer.Typer()


@site_commands.command()
def assess(
    context: typer.Context,
    request: Annotated[
        str, typer.Argument(help="A request of this home by number, or the package file another home sent.")
    ],
    actor: Actor,
    out: Annotated[Path | None, typer.Option(help="Where to write the signed report for the hub.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure on this site's frozen cohort what an export would disclose; exit 16 where it is too much."""
    home = open_home(context, Role.SITE)
    from federim.governance import documents
    from federim.governance.assessment import assess as assess_package
    from federim.governance.requests import package
    from federim.model.errors import DisclosureRisk

    path = Path(request)
    asked = documents.read(path) if path.is_file() else package(home, request)
    signed = assess_package(home, actor, asked)
    if out is not None:
        documents.write(out, signed)
    report(signed["report"], signed["text"], as_json=as_json)
    if not signed["report"]["acceptable"]:
        raise typer.Exit(DisclosureRisk.exit_code)


@site_commands.command()
def release(
    context: typer.Context,
    decision: Annotated[
        str, typer.Argument(help="A request of this home by number, or the decision file another home sent.")
    ],
    actor: Actor,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the document that tells the hub the manifest's hash.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build an approved export from the pinned snapshot, signed and whole, into this site's releases."""
    home = open_home(context, Role.SITE)
    from federim.governance import documents
    from federim.governance.release import release as build

    path = Path(decision)
    document = documents.read(path) if path.is_file() else _own_decision(home, decision)
    built = build(home, actor, document, today=date.today())
    if out is not None:
        documents.write(out, built.document)
    folder = home.releases / built.name
    report(
        {"release": built.name, "folder": str(folder), "manifest": built.manifest_sha256},
        f"released {built.name} in {folder}\nmanifest {built.manifest_sha256}",
        as_json=as_json,
    )


@site_commands.command()
def record(
    context: typer.Context,
    document: Annotated[
        Path,
        typer.Argument(
            help="A signed report, release, revision, receipt, revocation, or decision on a workspace.",
            exists=True,
            dir_okay=False,
        ),
    ],
    actor: Actor,
    out: Annotated[
        Path | None, typer.Option(help="With a release: where to write the receipt for the site.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in a signed document that another home sent; a release is countersigned."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance import documents, receipts
    from federim.governance.assessment import record_report
    from federim.governance.documents import Kind
    from federim.governance.revisions import record_revision
    from federim.governance.rights.releases import withdrawn
    from federim.model.errors import InputError

    read = documents.read(document)
    match read.get("kind"):
        case Kind.REPORT:
            kept = record_report(home, actor, read)
            text = f"risk report of {kept.site}: {'acceptable' if kept.acceptable else 'refused'}"
        case Kind.RELEASE:
            released = receipts.countersign(home, actor, read)
            if out is not None and released.countersignature is not None:
                documents.write(out, released.countersignature)
            text = f"release {released.name} is countersigned"
        case Kind.REVISION:
            revised = record_revision(home, actor, read)
            if out is not None and revised.countersignature is not None:
                documents.write(out, revised.countersignature)
            text = f"release {revised.name} is {'withdrawn' if withdrawn(revised) else 'revised'}"
        case Kind.COUNTERSIGNATURE:
            text = f"receipt for {receipts.keep_countersignature(home, actor, read).name} is kept"
        case Kind.DECISION:
            decided = receipts.keep_decision(home, actor, read)
            text = f"decision of {decided.issuer}: project {decided.project} may have its workspace"
        case Kind.REVOCATION:
            text = f"nothing more leaves on package {receipts.keep_revocation(home, actor, read).package}"
        case _:
            raise InputError(
                f"{document}: expected a report, release, revision, countersignature, revocation or decision"
            )
    report({"kind": read["kind"], "signer": read["signer"]}, text, as_json=as_json)


def _own_decision(home: Home, number: str) -> Document:
    from federim.governance.decisions import decisions
    from federim.model.errors import NotApproved

    for each in decisions(home, number):
        if each.site == home.name:
            document: Document = each.document
            return document
    raise NotApproved(f"no decision on {number} for {home.name}")
