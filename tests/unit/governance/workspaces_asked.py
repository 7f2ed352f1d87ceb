"""What a project asks of the centre where it asks for a workspace, and how far the committee went with it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from federim.governance import decisions, requests, reviews, votes
from federim.governance.assessment import assess
from federim.governance.documents import Document
from federim.governance.forms import definition_from
from federim.model.export import Ballot
from federim.model.workspace import WorkspaceDefinition

PROJECT = "lung-nodules"
TABLES = [
    {"from": "person", "why": "who they are", "columns": ["year_of_birth", "gender_concept_id"]},
    {
        "from": "measurement",
        "why": "the main outcome",
        "columns": ["measurement_date", "value_as_number", "unit"],
    },
]


def form(centre: Any, **changes: Any) -> dict[str, Any]:
    """A request form of a year's workspace without images, unless told otherwise."""
    return {
        **centre.form(),
        "project": PROJECT,
        "format": "workspace",
        "pixels": False,
        "ends": (centre.today + timedelta(days=365)).isoformat(),
        "tables": TABLES,
        **changes,
    }


def definition(centre: Any, **changes: Any) -> WorkspaceDefinition:
    found = definition_from(form(centre, **changes))
    assert isinstance(found, WorkspaceDefinition)
    return found


def requested(centre: Any, *, amends: str = "", **changes: Any) -> str:
    """The number of a draft of ada's."""
    return requests.request(centre.home, "ada", definition(centre, **changes), amends=amends).number


def submitted(centre: Any, **changes: Any) -> str:
    number = requested(centre, **changes)
    assess(centre.home, "olga", requests.package(centre.home, number))
    requests.submit(centre.home, "ada", number)
    return number


def in_review(centre: Any, **changes: Any) -> str:
    number = submitted(centre, **changes)
    reviews.open_review(centre.home, "carl", number, due=centre.today + timedelta(days=14))
    return number


def voted(
    centre: Any,
    number: str,
    ballot: Ballot = Ballot.APPROVE,
    *,
    starts: date | None = None,
    until: date | None = None,
) -> Document:
    """The decision on a request that everybody voted so on; unless told otherwise it holds as was asked."""
    for name in ("mia", "noe", "pia"):
        conditions = "publish the code" if ballot is Ballot.APPROVE_WITH_CONDITIONS else ""
        votes.cast(centre.home, name, number, ballot, reason="because", conditions=conditions)
    [issued] = decisions.decide(
        centre.home,
        "carl",
        number,
        starts=starts or centre.today,
        ends=until or decisions.last_day(centre.home, number, first=centre.today),
        today=centre.today,
    )
    document: Document = issued.document
    return document


def decided(
    centre: Any, ballot: Ballot = Ballot.APPROVE, *, until: date | None = None, **changes: Any
) -> tuple[str, Document]:
    """The number of a request for a workspace, and the decision on it."""
    number = in_review(centre, **changes)
    return number, voted(centre, number, ballot, until=until)
