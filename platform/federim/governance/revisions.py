"""At the hub: take in that a site built a release anew, or withdrew it, because a person objected."""

from __future__ import annotations

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import documents
from federim.governance.documents import Document, Kind
from federim.governance.members import member_named
from federim.governance.models import Release
from federim.governance.permissions import check_can_record
from federim.home import Home
from federim.model.errors import NotApproved, StateRefused, UnknownName, VerificationFailed


def record_revision(home: Home, actor: str, document: Document) -> Release:
    """Keep the manifest that stands for a release now, and sign a receipt for it; none for one withdrawn.

    Raises
    ------
    UnknownName
        The hub was never told of the release.
    NotApproved
        It is another site's release.
    VerificationFailed
        It takes the place of another manifest than the hub knows.
    """
    check_can_record(member_named(home, actor))
    site = documents.check(home, document, Kind.REVISION)
    told = {key: documents.text_of(document, key) for key in ("release", "request", "package", "manifest")}
    revises = documents.text_of(document, "revises")
    if site == home.name:
        raise StateRefused("a home needs not tell itself: its own release is revised already")
    with acting(home, actor, "export.record_revision", site=site, release=told["release"]) as detail:
        every = Release.objects.using(alias(home))
        kept = every.select_for_update().filter(name=told["release"]).first()
        if kept is None:
            raise UnknownName("release", told["release"], every.values_list("name", flat=True))
        if kept.site != site:
            raise NotApproved(f"{site} told of a revision of another site's release")
        if kept.document == document:
            return kept
        if revises != kept.manifest_sha256:
            raise VerificationFailed(f"{site} revises another manifest of {kept.name} than was told before")
        kept.manifest_sha256 = told["manifest"] or kept.manifest_sha256
        kept.document = document
        kept.countersignature = (
            documents.sign(home, Kind.COUNTERSIGNATURE, {"site": site, **told}) if told["manifest"] else None
        )
        kept.save(using=alias(home), update_fields=["manifest_sha256", "document", "countersignature"])
        detail.update(withdrawn=int(not told["manifest"]))
    return kept
