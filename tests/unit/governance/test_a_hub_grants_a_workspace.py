"""A hub decides that a project may have its workspace at a site, which is given the decision."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import workspaces_asked as asked
from workspaces_asked import PROJECT

from federim.database import migrate
from federim.governance import decisions, receipts, requests, reviews, votes
from federim.governance.assessment import assess, record_report
from federim.governance.documents import Document
from federim.governance.members import enrol
from federim.governance.workspaces import granted
from federim.home import Home, Role
from federim.model.errors import InputError, NotApproved, StateRefused, VerificationFailed
from federim.model.export import Ballot, MemberRole
from federim.trust.roots import TrustKind


@pytest.fixture
def hub(centre: Any, tmp_path: Path) -> Home:
    """A hub that the centre and it trust each other."""
    home = Home.create(tmp_path / "hub", role=Role.HUB, name="hub")
    migrate(home)
    for name, role in (
        ("carl", MemberRole.COORDINATOR),
        ("ada", MemberRole.RESEARCHER),
        ("mia", MemberRole.COMMITTEE),
    ):
        enrol(home, "carl", name, [role])
    home.trust("alpha", centre.home.signing_key.public, TrustKind.SITE)
    centre.home.trust("hub", home.signing_key.public, TrustKind.HUB)
    return home


def decided(hub: Home, centre: Any, ballot: Ballot = Ballot.APPROVE) -> tuple[str, Document]:
    number = requests.request(hub, "ada", asked.definition(centre)).number
    record_report(hub, "carl", assess(centre.home, "olga", requests.package(hub, number)))
    requests.submit(hub, "ada", number)
    reviews.open_review(hub, "carl", number, due=centre.today + timedelta(days=14))
    votes.cast(hub, "mia", number, ballot, reason="because")
    last = decisions.last_day(hub, number, first=centre.today)
    [issued] = decisions.decide(hub, "carl", number, starts=centre.today, ends=last, today=centre.today)
    document: Document = issued.document
    return number, document


def grant(centre: Any) -> Any:
    return granted(centre.home, PROJECT, centre.frozen.id, actor="olga", today=centre.today)


def test_a_decision_grants_once_the_site_was_given_it_and_until_it_is_taken_back(
    hub: Home, centre: Any
) -> None:
    number, decision = decided(hub, centre)
    with pytest.raises(NotApproved, match="nobody asked"):
        grant(centre)
    for _ in range(2):  # given again, it is the same
        receipts.keep_decision(centre.home, "olga", decision)
        assert (grant(centre).request, grant(centre).snapshot_sha256) == (number, centre.frozen.sha256)
    receipts.keep_revocation(centre.home, "olga", decisions.revoke(hub, "carl", number))
    with pytest.raises(NotApproved, match="revoked"):
        grant(centre)


def test_a_refusal_is_not_kept(hub: Home, centre: Any) -> None:
    _, decision = decided(hub, centre, Ballot.REFUSE)
    with pytest.raises(NotApproved, match="nothing may leave"):
        receipts.keep_decision(centre.home, "olga", decision)


def test_a_decision_that_was_widened_on_its_way_is_not_kept(hub: Home, centre: Any) -> None:
    _, decision = decided(hub, centre)
    decision["definition"]["pixels"] = True
    with pytest.raises(VerificationFailed):
        receipts.keep_decision(centre.home, "olga", decision)


def test_a_decision_on_an_export_or_of_the_site_itself_is_not_kept(hub: Home, centre: Any) -> None:
    with pytest.raises(StateRefused, match="federim export release"):
        receipts.keep_decision(centre.home, "olga", centre.decided())
    with pytest.raises(StateRefused, match="needs not tell itself"):
        receipts.keep_decision(centre.home, "olga", asked.decided(centre)[1])


def test_the_committee_reads_what_the_workspace_would_hold(hub: Home, centre: Any) -> None:
    number = requests.request(hub, "ada", asked.definition(centre)).number
    report = assess(centre.home, "olga", requests.package(hub, number))
    assert report["report"]["rows"] == {"person": 80, "measurement": 160}
    assert (report["report"]["persons"], report["report"]["acceptable"]) == (80, True)
    # Of four persons born in a year, one is male: he shares year and gender with nobody.
    assert report["report"]["alone"] == 20
    assert "20 persons share year_of_birth, gender_concept_id with nobody else" in report["text"]
    assert "images   none" in report["text"]


def test_a_column_no_workspace_holds_is_refused_before_anything_is_read(centre: Any) -> None:
    tables = [{"from": "instance_file", "why": "the images", "columns": ["sha256"]}]
    with pytest.raises(InputError, match="pixels = true"):
        asked.requested(centre, tables=tables)
