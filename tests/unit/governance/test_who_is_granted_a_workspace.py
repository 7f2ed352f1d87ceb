"""A workspace is granted by a decision in force on this very cohort and project, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import workspaces_asked as asked
from workspaces_asked import PROJECT

from federim.audit import trail
from federim.database import alias
from federim.governance import decisions, requests
from federim.governance.members import enrol
from federim.governance.models import Decision
from federim.governance.release import release
from federim.governance.workspaces import granted
from federim.lake import snapshot
from federim.lake.reader import connect_home, query
from federim.lake.rewriting import Change, rewrite
from federim.lake.tables import Lake
from federim.model.errors import NotAllowed, NotApproved, StateRefused, UnknownName, VerificationFailed
from federim.model.export import Ballot, MemberRole
from federim.model.identifiers import Pseudonym

DAY = timedelta(days=1)


def grant(centre: Any, *, project: str = PROJECT, wanted: str = "", today: date | None = None) -> Any:
    return granted(
        centre.home, project, wanted or centre.frozen.id, actor="olga", today=today or centre.today
    )


def test_what_was_approved_is_granted_to_the_letter(centre: Any) -> None:
    number, decision = asked.decided(centre, pixels=True)
    given = grant(centre)
    assert (given.project, given.request, given.pixels) == (PROJECT, number, True)
    assert given.snapshot_sha256 == centre.frozen.sha256
    assert dict(given.tables) == {each["from"]: tuple(each["columns"]) for each in asked.TABLES}
    assert given.ends == centre.today + timedelta(days=365)
    assert decision["definition"]["format"] == "workspace"
    assert trail.events(centre.home, act="workspace.refuse") == []


def nothing(centre: Any) -> None:
    pass


def drafted(centre: Any) -> None:
    asked.requested(centre)


def submitted(centre: Any) -> None:
    asked.submitted(centre)


def in_review(centre: Any) -> None:
    asked.in_review(centre)


def withdrawn(centre: Any) -> None:
    requests.withdraw(centre.home, "ada", asked.in_review(centre))


def refused(centre: Any) -> None:
    asked.decided(centre, Ballot.REFUSE)


def sent_back(centre: Any) -> None:
    asked.decided(centre, Ballot.REQUEST_CHANGES)


def under_conditions(centre: Any) -> None:
    asked.decided(centre, Ballot.APPROVE_WITH_CONDITIONS)


def revoked(centre: Any) -> None:
    decisions.revoke(centre.home, "carl", asked.decided(centre)[0])


def expired(centre: Any) -> None:
    number, _ = asked.decided(centre, until=centre.today)
    decisions.expire(centre.home, "carl", number, today=centre.today + DAY)


def over(centre: Any) -> None:
    """Its last day is the day before the one the tests ask on; nobody has closed it."""
    number = asked.in_review(centre, ends=(centre.today - DAY).isoformat())
    asked.voted(centre, number, starts=centre.today - 9 * DAY)


def for_tomorrow(centre: Any) -> None:
    asked.voted(centre, asked.in_review(centre), starts=centre.today + DAY)


def of_another_project(centre: Any) -> None:
    asked.decided(centre, project="another-project")


def of_another_cohort(centre: Any) -> None:
    asked.decided(centre.refrozen("others", born_from=1960))


def of_an_export(centre: Any) -> None:
    centre.decided()


@pytest.mark.parametrize(
    ("happened", "says"),
    [
        (nothing, "nobody asked for a workspace"),
        (drafted, "it is draft"),
        (submitted, "it is submitted"),
        (in_review, "it is in_review: the committee votes"),
        (withdrawn, "it is withdrawn"),
        (refused, "it is refused"),
        (sent_back, "it is changes_requested"),
        (under_conditions, "it is approved_with_conditions"),
        (revoked, "it is revoked"),
        (expired, "it is expired"),
        (over, "the decision holds from"),
        (for_tomorrow, "the decision holds from"),
        (of_another_project, "nobody asked for a workspace"),
        (of_another_cohort, "it grants snapshot others-"),
        (of_an_export, "nobody asked for a workspace"),
    ],
)
def test_nothing_else_grants_it_and_the_attempt_is_in_the_trail(
    centre: Any, happened: Callable[[Any], None], says: str
) -> None:
    happened(centre)
    with pytest.raises(NotApproved, match=says):
        grant(centre)
    [event] = trail.events(centre.home, act="workspace.refuse")
    known = PROJECT if "nobody" not in says else "unknown"
    assert event.actor == "olga"
    assert event.detail == {"project": known, "snapshot": centre.frozen.id, "reason": "NotApproved"}
    assert trail.verify(centre.home).ok


def test_one_project_is_not_given_what_another_was(centre: Any) -> None:
    asked.decided(centre)
    with pytest.raises(NotApproved):
        grant(centre, project="martin-jean-1950")
    [event] = trail.events(centre.home, act="workspace.refuse")
    assert "martin" not in str(event.detail)  # what was typed may be a patient's name


@pytest.mark.parametrize("actor", ["carl", "mia", "zoe"])
def test_only_an_officer_of_the_site_builds_it(centre: Any, actor: str) -> None:
    asked.decided(centre)
    with pytest.raises(NotAllowed):
        granted(centre.home, PROJECT, centre.frozen.id, actor=actor, today=centre.today)
    [event] = trail.events(centre.home, act="workspace.refuse")
    assert (event.actor, event.detail["reason"]) == (actor, "NotAllowed")


def test_whoever_asked_does_not_build_it(centre: Any) -> None:
    enrol(centre.home, "carl", "ada", [MemberRole.RESEARCHER, MemberRole.SITE_OFFICER])
    asked.decided(centre)
    with pytest.raises(NotAllowed, match="asked for themselves"):
        granted(centre.home, PROJECT, centre.frozen.id, actor="ada", today=centre.today)


def test_conditions_that_are_met_grant_it(centre: Any) -> None:
    number, _ = asked.decided(centre, Ballot.APPROVE_WITH_CONDITIONS)
    decisions.meet_conditions(centre.home, "carl", number)
    assert grant(centre).request == number


@pytest.mark.parametrize(("day", "holds"), [(0, True), (365, True), (366, False), (-1, False)])
def test_it_holds_from_its_first_day_to_its_last(centre: Any, day: int, holds: bool) -> None:
    asked.decided(centre)
    if holds:
        assert grant(centre, today=centre.today + day * DAY)
    else:
        with pytest.raises(NotApproved, match="the decision holds from"):
            grant(centre, today=centre.today + day * DAY)


def test_the_committee_may_end_it_earlier_but_not_later_than_was_asked(centre: Any) -> None:
    last = centre.today + 365 * DAY
    with pytest.raises(StateRefused, match="the workspace was asked until"):
        asked.decided(centre, until=last + DAY)
    asked.decided(centre, until=last - DAY)
    assert grant(centre).ends == last - DAY


def test_an_amendment_takes_the_place_of_what_it_amends(centre: Any) -> None:
    first, _ = asked.decided(centre)
    asked.requested(centre, amends=first, pixels=True)
    assert grant(centre).request == first  # which stands until the amendment is decided
    second, _ = asked.decided(centre, amends=first, tables=asked.TABLES[:1])
    given = grant(centre)
    assert (given.request, list(given.tables)) == (second, ["person"])


def test_a_cohort_that_somebody_left_is_still_the_one_granted(centre: Any) -> None:
    asked.decided(centre)
    with connect_home(centre.home) as connection:
        found = query(connection, "SELECT min(person_id) AS p FROM person", seconds=9)
    with Lake(centre.home).writing() as writer:
        rewrite(centre.home, writer, Change(person_id=Pseudonym(found["p"][0].as_py()), into=None))
    heir = snapshot.load(centre.home, centre.frozen.id)
    assert heir.sha256 != centre.frozen.sha256
    for wanted in (centre.frozen.id, heir.id, "everyone"):
        assert grant(centre, wanted=wanted).snapshot_sha256 == centre.frozen.sha256


def test_the_same_cohort_frozen_of_other_data_is_another(centre: Any) -> None:
    asked.decided(centre)
    centre.fill(range(80, 90))
    freeze = centre.refrozen("everyone")
    assert freeze.frozen.sha256 != centre.frozen.sha256
    with pytest.raises(NotApproved, match=f"it grants snapshot {centre.frozen.id}"):
        grant(centre, wanted="everyone")
    assert grant(centre)


def test_a_snapshot_nobody_froze_is_unknown(centre: Any) -> None:
    asked.decided(centre)
    with pytest.raises(UnknownName, match="everyone"):
        grant(centre, wanted="evryone")


def test_a_decision_that_was_touched_grants_nothing(centre: Any) -> None:
    asked.decided(centre)
    row = Decision.objects.using(alias(centre.home)).get()
    row.document["definition"]["pixels"] = True
    row.save(using=alias(centre.home))
    with pytest.raises(VerificationFailed):
        grant(centre)
    [event] = trail.events(centre.home, act="workspace.refuse")
    assert event.detail["reason"] == "VerificationFailed"


def test_nothing_leaves_on_a_decision_on_a_workspace(centre: Any) -> None:
    _, decision = asked.decided(centre)
    with pytest.raises(StateRefused, match="on a workspace"):
        release(centre.home, "olga", decision, today=centre.today)
    assert list(centre.home.releases.glob("*")) == []
