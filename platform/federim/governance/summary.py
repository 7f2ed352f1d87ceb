"""Tell where a request stands, as much of it as the reader may know."""

from __future__ import annotations

from typing import Any

from federim.governance.decisions import decisions
from federim.governance.members import member_named
from federim.governance.models import Member, Request, Review
from federim.governance.moves import STEPS, turn
from federim.governance.permissions import can_change, can_coordinate, can_release, can_vote
from federim.governance.requests import request_numbered, revision_of
from federim.governance.votes import votes
from federim.home import Home
from federim.model.errors import NotAllowed
from federim.model.export import SENTENCES, Format, MemberRole

Summary = dict[str, Any]


def summary(home: Home, number: str, viewer: str = "") -> Summary:
    """Everything about a request; `votes` is None where the viewer may not see them yet.

    Raises
    ------
    UnknownName, NotAllowed
        No such request; the viewer is not a member.
    """
    request = request_numbered(home, number)
    revision = revision_of(request)
    review: Review | None = getattr(revision, "review", None)
    return {
        "request": request.number,
        "author": request.author.name,
        "amends": request.amends.number if request.amends else None,
        "status": request.status,
        "means": SENTENCES[request.stands],
        "turn": turn(request.stands),
        "revision": revision.number,
        "package": revision.sha256,
        "definition": revision.definition,
        "reports": [
            {"site": each.site, "acceptable": each.acceptable, "text": each.document["text"]}
            for each in revision.reports.all()
        ],
        "review": review and _review(review),
        "votes": _votes(home, viewer, number) if review and viewer else None,
        "decisions": [
            {"site": each.site, "outcome": each.outcome, "starts": str(each.starts), "ends": str(each.ends)}
            for each in (decisions(home, number) if review else [])
        ],
        "may": _may(member_named(home, viewer), request) if viewer else [],
    }


def as_text(document: Summary) -> str:
    """The same in lines for a person."""
    definition = document["definition"]
    lines = [
        f"request {document['request']} by {document['author']}: {document['status']}, {document['means']}",
        f"project {definition['project']}, {definition['purpose']}, {definition['route']} "
        f"{definition['reference']}",
        definition["question"],
        f"package {document['package']}, revision {document['revision']}",
    ]
    lines += _workspace(definition) if definition["format"] == Format.WORKSPACE else _tables(definition)
    lines += [each["text"] for each in document["reports"]]
    if document["review"]:
        review = document["review"]
        lines.append(f"review until {review['due']}, quorum {review['quorum']}")
        lines += [f"  {seat['member']:<20} {seat['state']}" for seat in review["seats"]]
    lines += [
        f"vote of {each['member']}: {each['ballot']}. {each['reason']}" for each in document["votes"] or []
    ]
    lines += [
        f"decision for {each['site']}: {each['outcome']}, {each['starts']} to {each['ends']}"
        for each in document["decisions"]
    ]
    if document["turn"]:
        lines.append(f"waits for the {document['turn']}")
    if document["may"]:
        lines.append(f"you may {', '.join(document['may'])}")
    return "\n".join(lines)


def _tables(definition: Summary) -> list[str]:
    lines = []
    for table in definition["tables"]:
        asked = ", ".join(table.get("measures", table.get("columns", [])))
        by = f" by {', '.join(table['group_by'])}" if table.get("group_by") else ""
        lines.append(f"asks {table['name']}: {asked}{by}, from {table['from']}: {table['why']}")
    return lines


def _workspace(definition: Summary) -> list[str]:
    """What is asked, as who decides on it needs it said."""
    pixels = "their images too" if definition["pixels"] else "no images"
    cohorts = ", ".join(f"{each['id']} of {each['site']}" for each in definition["snapshots"])
    return [
        f"asks a workspace until {definition['ends']}: of every person of {cohorts}, the rows below "
        f"and {pixels}",
        "its researchers see each person's rows, under pseudonyms, UIDs and dates of this project alone; "
        "what they take out of it has to be asked as an export",
        "who objects is not in it, and leaves it when they object later; "
        "it cannot be opened after its last day",
        *(
            f"asks {table['from']}: {', '.join(table['columns'])}: {table['why']}"
            for table in definition["tables"]
        ),
    ]


def _review(review: Review) -> Summary:
    return {
        "quorum": review.quorum,
        "due": review.due.isoformat(),
        "closed": review.closed_at is not None,
        "seats": [
            {
                "member": seat.member.name,
                "state": "recused" if seat.recused else "voted" if hasattr(seat, "vote") else "has not voted",
            }
            for seat in review.seats.select_related("member", "vote")
        ],
    }


def _votes(home: Home, viewer: str, number: str) -> list[dict[str, str]] | None:
    try:
        seen = votes(home, viewer, number)
    except NotAllowed:
        return None
    return [
        {
            "member": each.seat.member.name,
            "ballot": each.ballot,
            "reason": each.reason,
            "conditions": each.conditions,
        }
        for each in seen
    ]


def _may(member: Member, request: Request) -> list[str]:
    """What the member may do now, by role; the committee's moves are made by voting."""
    author = request.author.name
    able = {
        MemberRole.RESEARCHER: can_change(member, author),
        MemberRole.COMMITTEE: can_vote(member, author),
        MemberRole.COORDINATOR: can_coordinate(member, author),
        MemberRole.SITE_OFFICER: can_release(member, author),
    }
    steps = [step for step in STEPS if step.status is request.stands and able[step.by]]
    return list(
        dict.fromkeys("vote" if step.by is MemberRole.COMMITTEE else step.move.value for step in steps)
    )
