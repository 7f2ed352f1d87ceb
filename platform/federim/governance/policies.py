"""Does the state allow it? Each rule raises with a sentence; its twin without `check_` answers yes or no."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from federim.governance.twins import twin
from federim.model.errors import NotApproved, StateRefused
from federim.model.export import Ballot, Status

REVISABLE = (Status.DRAFT, Status.CHANGES_REQUESTED)
RELEASABLE = (Status.APPROVED, Status.CONDITIONS_MET)
LONGEST_GRANT_DAYS = 1096  # three years, leap day included: a committee should look again


def check_revisable(status: Status) -> None:
    """A request is reworded as a draft, or when the committee asked for changes; else it is frozen."""
    if status not in REVISABLE:
        raise StateRefused(
            f"the request is {status.value}: its package is frozen; amend it with a new request"
        )


def check_assessable(*, submitted: bool) -> None:
    """Risk is reported before the package is frozen, so that the committee reads what will be decided on."""
    if submitted:
        raise StateRefused("this package is frozen with the risk reports it was submitted with")


def check_unreviewed(*, submitted: bool) -> None:
    """A wording is examined once; after changes were requested, a new revision comes first."""
    if submitted:
        raise StateRefused("this wording was examined already: revise the request before submitting it again")


def check_assessed(sites: Collection[str], reports: Mapping[str, bool]) -> None:
    """Every site asked has sent a report on exactly this package, and finds the risk acceptable."""
    missing = sorted(set(sites) - set(reports))
    if missing:
        raise StateRefused(f"no risk report yet from {', '.join(missing)}: federim export assess at the site")
    risky = sorted(site for site in sites if not reports[site])
    if risky:
        raise StateRefused(
            f"the risk report of {', '.join(risky)} refuses this package; group or drop columns"
        )


def check_quorum(quorum: int, seats: int) -> None:
    """A quorum is more than half of the seats, and no more than all of them."""
    if not seats:
        raise StateRefused("nobody can vote: enrol members of the committee who did not write the request")
    if not seats // 2 < quorum <= seats:
        raise StateRefused(f"quorum {quorum}: expected {seats // 2 + 1} to {seats} for {seats} seats")


def check_open(*, closed: bool) -> None:
    """Nothing is said in a review that has been decided."""
    if closed:
        raise StateRefused("the review is closed")


def check_reasoned(ballot: Ballot, *, reason: str, conditions: str) -> None:
    """A vote has a reason; conditions go with an approval under conditions, and only with it."""
    if not reason.strip():
        raise StateRefused("a vote needs its reason")
    if (ballot is Ballot.APPROVE_WITH_CONDITIONS) != bool(conditions.strip()):
        raise StateRefused("conditions go with the ballot approve-with-conditions, and it with them")


def check_votable(*, recused: bool, has_voted: bool) -> None:
    """A seat votes once, unless recused."""
    if recused:
        raise StateRefused("this member is recused from this review")
    if has_voted:
        raise StateRefused("this member has voted already; a vote is never changed")


def check_decidable(*, quorum: int, votes: int, waiting: int, due: date, today: date) -> None:
    """Enough votes are cast, and nobody's vote is cut off before the due date."""
    if votes < quorum:
        raise StateRefused(f"{votes} votes cast where the quorum is {quorum}")
    if waiting and today <= due:
        raise StateRefused(f"{waiting} members may still vote until {due.isoformat()}")


def check_grant(starts: date, ends: date) -> None:
    """A grant has an end, after its start and not too far."""
    if not 0 <= (ends - starts).days <= LONGEST_GRANT_DAYS:
        raise StateRefused(
            f"grant {starts.isoformat()} to {ends.isoformat()}: expected an end at most "
            f"{LONGEST_GRANT_DAYS} days after the start"
        )


def check_grant_asked(ends: date, asked: date | None) -> None:
    """A workspace is granted for no longer than was asked, since that is what the committee read."""
    if asked is not None and ends > asked:
        raise StateRefused(
            f"the grant would end on {ends.isoformat()}; the workspace was asked until {asked.isoformat()}"
        )


def check_over(ends: date, today: date) -> None:
    """A grant expires after its last day."""
    if today <= ends:
        raise StateRefused(f"the grant runs until {ends.isoformat()}")


def check_grants(decision: Mapping[str, Any], *, signer: str, site: str, package: str) -> None:
    """A decision of whoever was asked says yes to exactly this package, at this site."""
    if decision.get("issuer") != signer:
        raise NotApproved(f"the decision is signed by {signer}, who was not the one asked")
    if decision.get("outcome") not in [status.value for status in RELEASABLE]:
        raise NotApproved(f"the decision says {str(decision.get('outcome'))[:40]!r}; nothing may leave on it")
    if decision.get("site") != site:
        raise NotApproved(f"the decision is for {str(decision.get('site'))[:40]!r}, this is {site}")
    if decision.get("package") != package:
        raise NotApproved("the decision covers another package than the one it carries")


def check_in_force(
    decision: Mapping[str, Any], *, signer: str, site: str, package: str, today: date, revoked: bool
) -> None:
    """A decision of whoever was asked covers exactly this package, at this site, today."""
    check_grants(decision, signer=signer, site=site, package=package)
    try:
        starts, ends = (date.fromisoformat(str(decision.get(key))) for key in ("starts", "ends"))
    except ValueError:
        raise NotApproved("the decision does not say from when until when it holds") from None
    if not starts <= today <= ends:
        raise NotApproved(f"the decision holds from {starts} to {ends}; today is {today}")
    if revoked:
        raise NotApproved("the decision was revoked")


revisable = twin(check_revisable, StateRefused, NotApproved)
assessed = twin(check_assessed, StateRefused, NotApproved)
is_quorum = twin(check_quorum, StateRefused, NotApproved)
votable = twin(check_votable, StateRefused, NotApproved)
decidable = twin(check_decidable, StateRefused, NotApproved)
grantable = twin(check_grant, StateRefused, NotApproved)
granted_as_asked = twin(check_grant_asked, StateRefused, NotApproved)
over = twin(check_over, StateRefused, NotApproved)
grants = twin(check_grants, StateRefused, NotApproved)
in_force = twin(check_in_force, StateRefused, NotApproved)
assessable = twin(check_assessable, StateRefused, NotApproved)
unreviewed = twin(check_unreviewed, StateRefused, NotApproved)
is_open = twin(check_open, StateRefused, NotApproved)
reasoned = twin(check_reasoned, StateRefused, NotApproved)
