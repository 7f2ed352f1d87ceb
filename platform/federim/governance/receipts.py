"""Take in the documents that homes send one another once a decision is out."""

from __future__ import annotations

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import documents
from federim.governance.assessment import package_of
from federim.governance.documents import Document, Kind
from federim.governance.forms import definition_from
from federim.governance.members import member_named
from federim.governance.models import Decision, ReceivedDecision, Release, Revocation
from federim.governance.moves import Move
from federim.governance.permissions import check_can_record
from federim.governance.policies import check_grants
from federim.governance.requests import move, request_numbered
from federim.governance.verification import countersignature_path
from federim.home import Home
from federim.lake.storage import private_files
from federim.model.errors import NotApproved, StateRefused, UnknownName, VerificationFailed
from federim.model.workspace import WorkspaceDefinition


def countersign(home: Home, actor: str, document: Document) -> Release:
    """At the hub: keep the manifest's hash a site tells of, and sign a receipt for it.

    Raises
    ------
    NotApproved
        The site that signs was not given a decision on that package.
    VerificationFailed
        The site told of another manifest for this release before.
    """
    check_can_record(member_named(home, actor))
    site = documents.check(home, document, Kind.RELEASE)
    told = {key: documents.text_of(document, key) for key in ("release", "request", "package", "manifest")}
    if site == home.name:
        raise StateRefused("a home does not countersign its own release: its signature is on it already")
    with acting(home, actor, "export.countersign", site=site, **told):
        request = request_numbered(home, told["request"], locked=True)
        decided = Decision.objects.using(alias(home)).filter(
            review__revision__request=request, review__revision__sha256=told["package"], site=site
        )
        decision = decided.select_related("review__revision").first()
        if decision is None:
            raise NotApproved(f"{site} was given no decision on this package")
        move(home, request, Move.RELEASE)
        definition = definition_from(decision.review.revision.definition)
        kept, _ = Release.objects.using(alias(home)).get_or_create(
            name=told["release"],
            defaults={
                "issuer": home.name,
                "request_number": request.number,
                "package": told["package"],
                "site": site,
                "cohort_snapshot": definition.snapshot_of(site).id,
                "project": definition.project,
                "manifest_sha256": told["manifest"],
                "document": document,
                "countersignature": documents.sign(home, Kind.COUNTERSIGNATURE, {"site": site, **told}),
            },
        )
        if kept.manifest_sha256 != told["manifest"]:
            raise VerificationFailed(f"{site} told of another manifest for {told['release']} before")
    return kept


def keep_countersignature(home: Home, actor: str, document: Document) -> Release:
    """At the site: keep the hub's receipt beside the release it is for."""
    check_can_record(member_named(home, actor))
    signer = documents.check(home, document, Kind.COUNTERSIGNATURE)
    name = documents.text_of(document, "release")
    with acting(home, actor, "export.keep_countersignature", release=name, signer=signer):
        every = Release.objects.using(alias(home))
        kept = every.filter(name=name, issuer=signer).first()
        if kept is None:
            raise UnknownName("release", name, every.values_list("name", flat=True))
        if document.get("manifest") != kept.manifest_sha256:
            raise VerificationFailed(f"the receipt for {name} acknowledges another manifest")
        kept.countersignature = document
        kept.save(using=alias(home), update_fields=["countersignature"])
        with private_files():
            documents.write(countersignature_path(home.releases / name), document)
    return kept


def keep_decision(home: Home, actor: str, document: Document) -> ReceivedDecision:
    """At the site: keep another home's decision that a project may have its workspace here.

    It is looked at again whenever a workspace is built: here it need only be one this site could act on.

    Raises
    ------
    NotApproved
        It is for another site, or grants nothing (yet); its signer is not trusted, or not the one asked.
    StateRefused
        It grants an export, which needs no keeping; or this home decided it.
    """
    check_can_record(member_named(home, actor))
    signer = documents.check(home, document, Kind.DECISION)
    package, definition = package_of(document)
    if not isinstance(definition, WorkspaceDefinition):
        raise StateRefused("a decision on an export is not kept: give it to federim export release")
    if signer == home.name:
        raise StateRefused("a home needs not tell itself: it knows what it decided")
    check_grants(document, signer=signer, site=home.name, package=package)
    with acting(home, actor, "export.keep_decision", package=package, signer=signer):
        kept, _ = ReceivedDecision.objects.using(alias(home)).update_or_create(
            package=package, issuer=signer, defaults={"project": definition.project, "document": document}
        )
    return kept


def keep_revocation(home: Home, actor: str, document: Document) -> Revocation:
    """At the site: remember that a decision was taken back, so that nothing more leaves on it."""
    check_can_record(member_named(home, actor))
    signer = documents.check(home, document, Kind.REVOCATION)
    package = documents.text_of(document, "package")
    with acting(home, actor, "export.keep_revocation", package=package, signer=signer):
        kept, _ = Revocation.objects.using(alias(home)).get_or_create(
            package=package, issuer=signer, defaults={"document": document}
        )
    return kept
