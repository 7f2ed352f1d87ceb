"""A hub decides for two sites over signed documents, and never holds a patient's row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from federim.database import alias
from federim.governance import decisions, documents, receipts, requests, reviews, votes
from federim.governance.assessment import assess, record_report
from federim.governance.documents import Document, Kind
from federim.governance.forms import definition_from
from federim.governance.members import enrol
from federim.governance.models import Decision, Release, SiteReport
from federim.governance.release import release
from federim.governance.verification import countersignature_path, verify
from federim.home import Home, Role
from federim.key_rotation import apply, rotate_own
from federim.model.errors import (
    InputError,
    NotApproved,
    StateRefused,
    UnknownName,
    VerificationFailed,
)
from federim.model.export import Ballot, MemberRole, Status
from federim.trust.changes import revoked
from federim.trust.roots import TrustKind

COMMITTEE = ("mia", "noe")


@dataclass(frozen=True)
class Consortium:
    """A hub and two sites; beta has alpha's cohort for its own."""

    hub: Home
    alpha: Any
    beta: Any

    @property
    def sites(self) -> tuple[Any, Any]:
        return self.alpha, self.beta

    def requested(self) -> str:
        snapshots = [
            {"site": site.home.name, "id": site.frozen.id, "sha256": site.frozen.sha256}
            for site in self.sites
        ]
        definition = definition_from(self.alpha.form(snapshots=snapshots))
        return requests.request(self.hub, "ada", definition).number

    def submitted(self) -> str:
        number = self.requested()
        package = passed(requests.package(self.hub, number))
        for site in self.sites:
            record_report(self.hub, "carl", passed(assess(site.home, "olga", package)))
        requests.submit(self.hub, "ada", number)
        return number

    def decided(self, ballot: Ballot = Ballot.APPROVE) -> tuple[str, list[Decision]]:
        number = self.submitted()
        today = self.alpha.today
        reviews.open_review(self.hub, "carl", number, due=today)
        for name in COMMITTEE:
            votes.cast(self.hub, name, number, ballot, reason="because")
        ends = today + timedelta(days=30)
        return number, decisions.decide(self.hub, "carl", number, starts=today, ends=ends, today=today)


def passed(document: Any) -> Document:
    """A document as it comes out of a file."""
    read: Document = json.loads(documents.as_bytes(document))
    return read


def unsigned(document: Document) -> Document:
    return {key: value for key, value in document.items() if key not in ("kind", "signer", "signature")}


@pytest.fixture
def consortium(centre: Any, make_home: Callable[..., Home]) -> Consortium:
    hub = make_home("hub", Role.HUB)
    beta = make_home("beta")
    for home in (hub, beta):
        for name, role in {
            "carl": MemberRole.COORDINATOR,
            "ada": MemberRole.RESEARCHER,
            "olga": MemberRole.SITE_OFFICER,
            **dict.fromkeys(COMMITTEE, MemberRole.COMMITTEE),
        }.items():
            enrol(home, "carl", name, [role])
    other = type(centre)(beta, centre.frozen)
    other.fill(range(200, 260))
    consortium = Consortium(hub, centre, other.refrozen("everyone"))
    for site in consortium.sites:
        site.home.trust("hub", hub.own_key.public, TrustKind.HUB)
        hub.trust(site.home.name, site.home.own_key.public, TrustKind.SITE)
    return consortium


def test_each_site_releases_on_its_own_decision_and_the_hub_countersigns(consortium: Consortium) -> None:
    number, issued = consortium.decided()
    assert [decision.site for decision in issued] == ["alpha", "beta"]
    for site, decision in zip(consortium.sites, issued, strict=True):
        built = release(site.home, "olga", passed(decision.document), today=site.today)
        receipt = receipts.countersign(consortium.hub, "carl", passed(built.document)).countersignature
        receipts.keep_countersignature(site.home, "olga", passed(receipt))
        found = verify(site.home, site.home.releases / built.name)
        assert (found.site, found.countersigned_by) == (site.home.name, "hub")
    assert requests.request_numbered(consortium.hub, number).stands is Status.RELEASED
    assert Release.objects.using(alias(consortium.hub)).count() == 2


def test_the_hub_holds_no_persons_row(consortium: Consortium) -> None:
    consortium.decided()
    held = b"".join(path.read_bytes() for path in consortium.hub.root.rglob("*") if path.is_file())
    for person in consortium.alpha.home.lake.rglob("person/**/*.parquet"):
        assert person.read_bytes() not in held
    assert b"person_id" not in held


def test_a_decision_for_one_site_lets_nothing_leave_another(consortium: Consortium) -> None:
    _, (alphas, _) = consortium.decided()
    with pytest.raises(NotApproved, match="is for 'alpha', this is beta"):
        release(consortium.beta.home, "olga", passed(alphas.document), today=consortium.beta.today)


def test_a_decision_of_a_home_the_site_does_not_trust_is_refused(
    consortium: Consortium, make_home: Callable[..., Home]
) -> None:
    _, (alphas, _) = consortium.decided()
    stranger = make_home("stranger", Role.HUB)
    signed = documents.sign(stranger, Kind.DECISION, unsigned(alphas.document))
    with pytest.raises(NotApproved, match="'stranger', whose key alpha does not trust"):
        release(consortium.alpha.home, "olga", signed, today=consortium.alpha.today)


def test_a_site_cannot_sign_as_a_hub_nor_a_hub_as_a_site(consortium: Consortium) -> None:
    number, (alphas, _) = consortium.decided()
    alpha, beta = consortium.alpha.home, consortium.beta.home
    alpha.trust("beta", beta.own_key.public, TrustKind.SITE)
    for kind in (Kind.PACKAGE, Kind.DECISION, Kind.REVOCATION, Kind.COUNTERSIGNATURE):
        with pytest.raises(NotApproved, match="trusts as a site; it takes a committee or hub"):
            documents.check(alpha, documents.sign(beta, kind, unsigned(alphas.document)), kind)
    for kind in (Kind.REPORT, Kind.RELEASE):
        with pytest.raises(NotApproved, match="trusts as a hub; it takes a site"):
            documents.check(alpha, documents.sign(consortium.hub, kind, {"request": number}), kind)


def test_a_decision_outlives_the_hubs_key_but_not_its_revocation(consortium: Consortium) -> None:
    _, issued = consortium.decided()
    first, second = (site.home for site in consortium.sites)
    statement = rotate_own(consortium.hub)
    for home in (first, second):
        home.change_trust(lambda roots: apply(roots, statement))
    built = release(first, "olga", passed(issued[0].document), today=consortium.alpha.today)
    verify(first, first.releases / built.name)
    old = issued[1].document["signer"]
    second.change_trust(lambda roots: revoked(roots, old, reason="stolen"))
    with pytest.raises(NotApproved, match="revoked"):
        release(second, "olga", passed(issued[1].document), today=consortium.beta.today)


def test_a_trusted_home_that_was_not_asked_cannot_decide(consortium: Consortium) -> None:
    _, (alphas, _) = consortium.decided()
    beta = consortium.beta.home
    consortium.alpha.home.trust("beta", beta.own_key.public, TrustKind.COMMITTEE)
    signed = documents.sign(beta, Kind.DECISION, unsigned(alphas.document))
    with pytest.raises(NotApproved, match="who was not the one asked"):
        release(consortium.alpha.home, "olga", signed, today=consortium.alpha.today)


def test_a_refusal_is_a_signed_decision_too(consortium: Consortium) -> None:
    _, (alphas, _) = consortium.decided(Ballot.REFUSE)
    with pytest.raises(NotApproved, match="refused"):
        release(consortium.alpha.home, "olga", passed(alphas.document), today=consortium.alpha.today)


def test_a_revocation_reaches_the_site_as_a_document(consortium: Consortium) -> None:
    number, (alphas, _) = consortium.decided()
    revocation = passed(decisions.revoke(consortium.hub, "carl", number))
    receipts.keep_revocation(consortium.alpha.home, "olga", revocation)
    with pytest.raises(NotApproved, match="revoked"):
        release(consortium.alpha.home, "olga", passed(alphas.document), today=consortium.alpha.today)


def test_a_site_reports_on_itself_alone(consortium: Consortium) -> None:
    number = consortium.requested()
    report = assess(consortium.alpha.home, "olga", passed(requests.package(consortium.hub, number)))
    forged = documents.sign(consortium.beta.home, Kind.REPORT, unsigned(report))
    with pytest.raises(NotApproved, match="not the site it speaks of"):
        record_report(consortium.hub, "carl", forged)
    assert not SiteReport.objects.using(alias(consortium.hub)).exists()


def test_a_report_changed_on_its_way_is_refused(consortium: Consortium) -> None:
    number = consortium.requested()
    report = passed(assess(consortium.alpha.home, "olga", requests.package(consortium.hub, number)))
    report["report"]["acceptable"] = not report["report"]["acceptable"]
    with pytest.raises(VerificationFailed, match="the report document of alpha"):
        record_report(consortium.hub, "carl", report)


def test_a_hub_needs_every_sites_report(consortium: Consortium) -> None:
    number = consortium.requested()
    report = assess(consortium.alpha.home, "olga", requests.package(consortium.hub, number))
    record_report(consortium.hub, "carl", report)
    with pytest.raises(StateRefused, match="no risk report yet from beta"):
        requests.submit(consortium.hub, "ada", number)


def test_a_report_on_a_package_nobody_asked_for_is_refused(consortium: Consortium) -> None:
    report = {"site": "alpha", "package": "0" * 64, "acceptable": True}
    document = documents.sign(consortium.alpha.home, Kind.REPORT, {"report": report, "text": ""})
    with pytest.raises(UnknownName, match="no package"):
        record_report(consortium.hub, "carl", document)


def test_one_kind_of_document_never_passes_for_another(consortium: Consortium) -> None:
    number = consortium.requested()
    with pytest.raises(InputError, match="expected a report document, found 'package'"):
        record_report(consortium.hub, "carl", requests.package(consortium.hub, number))


def test_the_hub_countersigns_one_manifest_a_release(consortium: Consortium) -> None:
    _, (alphas, _) = consortium.decided()
    home = consortium.alpha.home
    built = release(home, "olga", passed(alphas.document), today=consortium.alpha.today)
    receipts.countersign(consortium.hub, "carl", built.document)
    receipts.countersign(consortium.hub, "carl", built.document)
    other = documents.sign(home, Kind.RELEASE, {**unsigned(built.document), "manifest": "0" * 64})
    with pytest.raises(VerificationFailed, match="another manifest"):
        receipts.countersign(consortium.hub, "carl", other)


def test_the_hub_countersigns_nothing_it_did_not_decide(consortium: Consortium) -> None:
    number = consortium.submitted()
    facts = {"release": "r", "request": number, "package": "0" * 64, "manifest": "0" * 64}
    told = documents.sign(consortium.alpha.home, Kind.RELEASE, facts)
    with pytest.raises(NotApproved, match="no decision"):
        receipts.countersign(consortium.hub, "carl", told)
    package = requests.revision_of(requests.request_numbered(consortium.hub, number)).sha256
    told = documents.sign(consortium.alpha.home, Kind.RELEASE, {**facts, "package": package})
    with pytest.raises(NotApproved, match="no decision"):
        receipts.countersign(consortium.hub, "carl", told)


@pytest.fixture
def receipt_path(consortium: Consortium) -> Path:
    """Where alpha keeps the hub's receipt for a release of its."""
    _, (alphas, _) = consortium.decided()
    home = consortium.alpha.home
    built = release(home, "olga", passed(alphas.document), today=consortium.alpha.today)
    receipt = receipts.countersign(consortium.hub, "carl", built.document).countersignature
    receipts.keep_countersignature(home, "olga", passed(receipt))
    path: Path = countersignature_path(home.releases / built.name)
    return path


def released_folder(receipt: Path) -> Path:
    return receipt.with_name(receipt.name.removesuffix(".countersignature.json"))


def test_any_changed_byte_of_a_receipt_is_found(consortium: Consortium, receipt_path: Path) -> None:
    home, before = consortium.alpha.home, receipt_path.read_bytes()
    assert verify(home, released_folder(receipt_path)).countersigned_by == "hub"
    assert receipt_path.stat().st_mode & 0o777 == 0o600
    changes = [bytes([*before[:at], before[at] ^ 1, *before[at + 1 :]]) for at in range(0, len(before), 7)]
    changes += [before.replace(b"\n ", b"\n\t"), before + b"\n", before[:-1]]
    for changed in changes:
        receipt_path.write_bytes(changed)
        with pytest.raises((VerificationFailed, InputError, NotApproved)):
            verify(home, released_folder(receipt_path))


@pytest.mark.parametrize("signer", ["hub", "alpha"])
def test_a_receipt_of_another_home_or_for_another_manifest_is_found(
    consortium: Consortium, receipt_path: Path, signer: str
) -> None:
    home = {"hub": consortium.hub, "alpha": consortium.alpha.home}[signer]
    change = {"manifest": "0" * 64} if signer == "hub" else {}
    content = {**unsigned(documents.read(receipt_path)), **change}
    documents.write(receipt_path, documents.sign(home, Kind.COUNTERSIGNATURE, content))
    with pytest.raises(VerificationFailed, match="acknowledges another manifest"):
        verify(consortium.alpha.home, released_folder(receipt_path))


def test_a_receipt_for_another_manifest_is_not_kept(consortium: Consortium) -> None:
    _, (alphas, _) = consortium.decided()
    home = consortium.alpha.home
    built = release(home, "olga", passed(alphas.document), today=consortium.alpha.today)
    forged = documents.sign(
        consortium.hub, Kind.COUNTERSIGNATURE, {"release": built.name, "manifest": "0" * 64}
    )
    with pytest.raises(VerificationFailed, match="another manifest"):
        receipts.keep_countersignature(home, "olga", forged)
