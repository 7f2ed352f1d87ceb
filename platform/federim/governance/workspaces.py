"""Say whether a project was granted a workspace of a frozen cohort, and what it may hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from federim.audit import trail
from federim.database import alias
from federim.governance import documents
from federim.governance.assessment import package_of
from federim.governance.decisions import decisions
from federim.governance.documents import Document, Kind
from federim.governance.members import member_named
from federim.governance.models import ReceivedDecision, Request, Revocation
from federim.governance.permissions import check_can_build
from federim.governance.policies import check_in_force
from federim.governance.requests import definition_of, requests, revision_of
from federim.home import Home, Role
from federim.lake import snapshot
from federim.lake.snapshot import Snapshot
from federim.model.errors import NotApproved, UserError
from federim.model.export import SENTENCES, Status
from federim.model.workspace import WorkspaceDefinition, WorkspaceGrant

_STANDING: Final = (Status.APPROVED, Status.CONDITIONS_MET, Status.RELEASED)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request of the project for a workspace: the decision on it for this site, or why there is none."""

    request: str
    decision: Document | None
    why_not: str = ""


def granted(
    home: Home, project: str, wanted: str, *, actor: str, today: date | None = None
) -> WorkspaceGrant:
    """What a committee lets this site put into the project's workspace; a refusal is put in the trail.

    Where several requests grant it, the latest counts: an amendment is a request of its own.

    Parameters
    ----------
    wanted : str
        The snapshot: see `snapshot.load`. It may be the heir of the one granted.
    actor : str
        Who would build it.

    Raises
    ------
    NotApproved
        No request grants it: there is none, it is undecided, refused, taken back or over, or it grants
        another frozen cohort; the message tells of each request what is in the way.
    NotAllowed
        The actor is no officer of this site, or asked for it.
    UnknownName, LakeError
        There is no such snapshot.
    VerificationFailed
        A decision is not what its home signed.
    """
    home.require(Role.SITE)
    frozen = snapshot.load(home, wanted)
    asked = [*_received(home, project), *_own(home, project)]
    try:
        return _granted(home, frozen, asked, actor, today or datetime.now(UTC).date())
    except UserError as refused:
        # What was typed in the place of a project's name could be anybody's: only a known one is repeated.
        known = project if asked else "unknown"
        reason = type(refused).__name__
        trail.record(home, actor, "workspace.refuse", project=known, snapshot=frozen.id, reason=reason)
        raise


def _granted(home: Home, frozen: Snapshot, asked: list[_Asked], actor: str, today: date) -> WorkspaceGrant:
    in_the_way = []
    for each in reversed(asked):
        if each.decision is None:
            in_the_way.append(f"request {each.request}: {each.why_not}")
            continue
        try:
            grant = _in_force(home, frozen, each.decision, today)
        except NotApproved as error:
            in_the_way.append(f"request {each.request}: {error}")
            continue
        check_can_build(member_named(home, actor), documents.text_of(each.decision, "author"))
        return grant
    if in_the_way:
        raise NotApproved("; ".join(in_the_way))
    raise NotApproved(
        f"nobody asked for a workspace of snapshot {frozen.id} under that project's name; "
        'ask with a form that says format = "workspace": federim export request'
    )


def _in_force(home: Home, frozen: Snapshot, decision: Document, today: date) -> WorkspaceGrant:
    signer = documents.check(home, decision, Kind.DECISION)
    package, definition = package_of(decision)
    if not isinstance(definition, WorkspaceDefinition):
        raise NotApproved("it grants an export, not a workspace")
    revoked = Revocation.objects.using(alias(home)).filter(package=package, issuer=signer).exists()
    check_in_force(decision, signer=signer, site=home.name, package=package, today=today, revoked=revoked)
    asked = definition.snapshot_of(home.name)
    if not snapshot.answers_to(home, frozen, asked.sha256):
        raise NotApproved(f"it grants snapshot {asked.id}, and {frozen.id} is another; name that one")
    ends = min(definition.ends, date.fromisoformat(documents.text_of(decision, "ends")))
    if today > ends:
        raise NotApproved(f"it was asked until {ends}; today is {today}")
    return WorkspaceGrant(
        project=definition.project,
        request=documents.text_of(decision, "request"),
        snapshot_sha256=asked.sha256,
        tables=definition.columns,
        pixels=definition.pixels,
        ends=ends,
    )


def _own(home: Home, project: str) -> Iterator[_Asked]:
    """The requests made in this home, oldest first."""
    for request in requests(home):
        definition = definition_of(revision_of(request))
        if isinstance(definition, WorkspaceDefinition) and definition.project == project:
            yield _decided(home, request)


def _decided(home: Home, request: Request) -> _Asked:
    if request.stands not in _STANDING:
        return _Asked(request.number, None, f"it is {request.status}: {SENTENCES[request.stands]}")
    for each in decisions(home, request.number):
        if each.site == home.name:
            return _Asked(request.number, each.document)
    return _Asked(request.number, None, "it asks nothing of this site")


def _received(home: Home, project: str) -> Iterator[_Asked]:
    """The decisions other homes sent, oldest first."""
    for each in ReceivedDecision.objects.using(alias(home)).filter(project=project):
        yield _Asked(documents.text_of(each.document, "request"), each.document)
