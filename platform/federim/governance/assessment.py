"""Measure at a site what a package would disclose, and hand the committee a signed report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import duckdb

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import documents, workspace_report
from federim.governance.differencing import findings_against_releases
from federim.governance.disclosure import Examined, examine
from federim.governance.documents import Document, Kind
from federim.governance.forms import Definition, definition_from
from federim.governance.members import member_named
from federim.governance.models import Revision, SiteReport
from federim.governance.permissions import check_can_assess, check_can_record
from federim.governance.policies import check_assessable
from federim.governance.requests import package_content
from federim.governance.rights.whereabouts import persons_of
from federim.governance.risk import RiskReport
from federim.governance.workspace_report import WorkspaceReport
from federim.home import Home, Role
from federim.identity.rights import Rights
from federim.lake import snapshot
from federim.lake.snapshot import Snapshot
from federim.model.errors import NotApproved, StateRefused, UnknownName, VerificationFailed
from federim.model.export import ExportDefinition


def package_of(document: Mapping[str, Any]) -> tuple[str, Definition]:
    """The hash and the definition of the package that a signed document carries.

    Raises
    ------
    VerificationFailed
        The document lacks one of the fields the hash covers.
    """
    try:
        content = package_content(
            document["issuer"], document["request"], document["revision"], document["definition"]
        )
    except KeyError as error:
        raise VerificationFailed(f"the {document.get('kind')} document has no {error.args[0]}") from None
    return documents.digest(content), definition_from(content["definition"])


def export_of(decision: Mapping[str, Any]) -> tuple[str, ExportDefinition]:
    """The hash and the definition of the export that a decision is on.

    Raises
    ------
    StateRefused
        It is on a workspace.
    VerificationFailed
        As `package_of`.
    """
    package, definition = package_of(decision)
    if not isinstance(definition, ExportDefinition):
        raise StateRefused(
            "nothing leaves on this decision, which is on a workspace: "
            f"federim workspace build {definition.project} at the site it names"
        )
    return package, definition


def examine_here(home: Home, definition: ExportDefinition, package: str) -> Examined:
    """Examine a package on this site's own frozen cohort, without those who object to its project.

    Raises
    ------
    UnknownName
        This site is not asked, or has no such snapshot.
    VerificationFailed
        The snapshot here is neither the one the package names nor its revision, or a lake file it pins was
        changed.
    """
    with _cohort(home, definition) as (frozen, connection):
        examined = examine(
            connection,
            definition,
            package=package,
            site=home.name,
            small=home.settings.small_cell,
            seconds=home.settings.query_seconds,
        )
    found = findings_against_releases(home, definition.project, frozen)
    report = replace(examined.report, findings=(*examined.report.findings, *found))
    return replace(examined, report=report)


def report_here(home: Home, definition: Definition, package: str) -> RiskReport | WorkspaceReport:
    """What a package would disclose, or a workspace hold, of this site; raises as `examine_here`."""
    if isinstance(definition, ExportDefinition):
        return examine_here(home, definition, package).report
    with _cohort(home, definition) as (_, connection):
        return workspace_report.examine(
            connection,
            definition,
            package=package,
            site=home.name,
            small=home.settings.small_cell,
            seconds=home.settings.query_seconds,
        )


def assess(home: Home, actor: str, package_document: Document) -> Document:
    """Sign a risk report on a package; where the request is this home's own, keep it at once.

    Raises
    ------
    NotAllowed
        The actor is not an officer of this site.
    NotApproved
        The package comes from a home that this one does not trust.
    """
    home.require(Role.SITE)
    check_can_assess(member_named(home, actor))
    issuer = documents.check(home, package_document, Kind.PACKAGE)
    package, definition = package_of(package_document)
    report = report_here(home, definition, package)
    content = {"report": report.as_document(), "text": report.as_text()}
    signed = documents.sign(home, Kind.REPORT, content)
    with acting(
        home,
        actor,
        "export.assess",
        request=documents.text_of(package_document, "request"),
        package=package,
        acceptable=report.acceptable,
    ):
        if issuer == home.name:
            _keep(home, signed)
    return signed


def record_report(home: Home, actor: str, document: Document) -> SiteReport:
    """Take in the report that a site sent.

    Raises
    ------
    NotApproved
        It is signed by another home than the site it speaks of.
    StateRefused
        The package is frozen already.
    """
    check_can_record(member_named(home, actor))
    with acting(home, actor, "export.record_report") as detail:
        kept = _keep(home, document)
        detail.update(site=kept.site, package=kept.revision.sha256, acceptable=kept.acceptable)
    return kept


@contextmanager
def _cohort(home: Home, definition: Definition) -> Iterator[tuple[Snapshot, duckdb.DuckDBPyConnection]]:
    """The frozen cohort that a package names, without those who object to its project."""
    asked = definition.snapshot_of(home.name)
    frozen = snapshot.load(home, asked.id)
    if not snapshot.answers_to(home, frozen, asked.sha256):
        raise VerificationFailed(f"snapshot {asked.id}: its sha256 here is not the one the package names")
    snapshot.verify(home, frozen)
    with Rights.open(home) as rights:
        opposed = rights.opposed_to(definition.project, persons_of(home, frozen))
    with closing(snapshot.connect(home, frozen, without=opposed)) as connection:
        yield frozen, connection


def _keep(home: Home, document: Document) -> SiteReport:
    signer = documents.check(home, document, Kind.REPORT)
    report = document.get("report")
    if not isinstance(report, dict):
        raise VerificationFailed("the report document has no report")
    if report.get("site") != signer:
        raise NotApproved(f"the risk report is signed by {signer}, which is not the site it speaks of")
    package = documents.text_of(report, "package")
    revision = Revision.objects.using(alias(home)).select_for_update().filter(sha256=package).first()
    if revision is None:
        raise UnknownName("package", package, [])
    check_assessable(submitted=revision.submitted_at is not None)
    definition_from(revision.definition).snapshot_of(signer)
    kept, _ = SiteReport.objects.using(alias(home)).update_or_create(
        revision=revision,
        site=signer,
        defaults={"acceptable": report.get("acceptable") is True, "document": document},
    )
    return kept
