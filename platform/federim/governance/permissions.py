"""May this person do that? Each rule raises with a sentence; its twin without `check_` answers yes or no."""

from __future__ import annotations

from federim.governance.models import Member
from federim.governance.twins import twin
from federim.model.errors import NotAllowed
from federim.model.export import MemberRole


def _need(member: Member, role: MemberRole, to: str) -> None:
    if not member.has(role):
        raise NotAllowed(f"{member.name} cannot {to}: only a member with the role {role.value} can")


def _not_own(member: Member, author: str, what: str) -> None:
    if member.name == author:
        raise NotAllowed(f"{member.name} cannot {what} an export they asked for themselves")


def check_can_enrol(member: Member | None, *, coordinated: bool) -> None:
    """Enrol members and give roles; anyone may while the home has no coordinator yet."""
    if not coordinated:
        return
    if member is None:
        raise NotAllowed("only a coordinator can enrol members, and whoever acts is not a member")
    _need(member, MemberRole.COORDINATOR, "enrol members")


def check_can_request(member: Member) -> None:
    """Ask for an export."""
    _need(member, MemberRole.RESEARCHER, "ask for an export")


def check_can_change(member: Member, author: str) -> None:
    """Revise, submit or withdraw a request."""
    if member.name != author:
        raise NotAllowed(f"{member.name} cannot change this request: only its author can")


def check_can_assess(member: Member) -> None:
    """Measure at a site what an export would risk."""
    _need(member, MemberRole.SITE_OFFICER, "assess an export")


def check_can_coordinate(member: Member, author: str) -> None:
    """Open a review, issue its decision, confirm conditions, revoke."""
    _need(member, MemberRole.COORDINATOR, "run a review")
    _not_own(member, author, "run the review of")


def check_can_vote(member: Member, author: str) -> None:
    """Give an opinion."""
    _need(member, MemberRole.COMMITTEE, "vote")
    _not_own(member, author, "vote on")


def check_can_see_votes(member: Member, author: str, *, has_voted: bool, closed: bool) -> None:
    """Read the votes: after the decision, all involved; before it, those who have cast their own."""
    if closed or (has_voted and member.name != author):
        return
    raise NotAllowed(f"{member.name} cannot see the votes yet: they are blind until one's own is cast")


def check_can_release(member: Member, author: str) -> None:
    """Let an approved export leave a site."""
    _need(member, MemberRole.SITE_OFFICER, "release an export")
    _not_own(member, author, "release")


def check_can_build(member: Member, author: str) -> None:
    """Build at a site the workspace that was granted."""
    _need(member, MemberRole.SITE_OFFICER, "build a workspace")
    if member.name == author:
        raise NotAllowed(f"{member.name} cannot build a workspace they asked for themselves")


def check_can_record(member: Member) -> None:
    """Take in a signed document that another home sent."""
    if not (member.has(MemberRole.COORDINATOR) or member.has(MemberRole.SITE_OFFICER)):
        raise NotAllowed(f"{member.name} cannot record a document: only a coordinator or a site officer can")


def check_can_answer_persons(member: Member | None, *, staffed: bool) -> None:
    """Erase, restore or report on a person; anyone may where the home has no members yet."""
    if not staffed:
        return
    if member is None:
        raise NotAllowed("only a site officer can act on a person's rights, and whoever acts is not a member")
    _need(member, MemberRole.SITE_OFFICER, "act on a person's rights")


def check_can_decide_on_models(member: Member | None, *, staffed: bool) -> None:
    """Write down what becomes of a model; anyone may where the home has no members yet."""
    if not staffed:
        return
    if member is None:
        raise NotAllowed("only a coordinator can decide on a model, and whoever acts is not a member")
    _need(member, MemberRole.COORDINATOR, "decide on a model")


def check_can_ask_to_recognise(member: Member) -> None:
    """Ask who a pseudonym stands for."""
    _need(member, MemberRole.REIDENTIFIER, "ask who a pseudonym stands for")


def check_can_agree_to_recognise(member: Member, asker: str) -> None:
    """Agree that another member may know who a pseudonym stands for, or refuse it."""
    _need(member, MemberRole.REIDENTIFIER, "answer who may know a person")
    if member.name == asker:
        raise NotAllowed(f"{member.name} cannot agree to what they asked for themselves: it takes two people")


def check_can_recognise(member: Member, asker: str) -> None:
    """Be told who a pseudonym stands for, once another member agreed."""
    _need(member, MemberRole.REIDENTIFIER, "know who a pseudonym stands for")
    if member.name != asker:
        raise NotAllowed(f"{member.name} cannot know who it is: only {asker}, who asked, can")


def check_can_keep(member: Member) -> None:
    """Say that a dataset still serves, and until when it is kept."""
    _need(member, MemberRole.SITE_OFFICER, "say how long a dataset is kept")


def check_can_purge(member: Member) -> None:
    """Remove what is too old."""
    _need(member, MemberRole.SITE_OFFICER, "purge what is too old")


can_enrol = twin(check_can_enrol, NotAllowed)
can_request = twin(check_can_request, NotAllowed)
can_change = twin(check_can_change, NotAllowed)
can_assess = twin(check_can_assess, NotAllowed)
can_coordinate = twin(check_can_coordinate, NotAllowed)
can_vote = twin(check_can_vote, NotAllowed)
can_see_votes = twin(check_can_see_votes, NotAllowed)
can_release = twin(check_can_release, NotAllowed)
can_build = twin(check_can_build, NotAllowed)
can_record = twin(check_can_record, NotAllowed)
can_ask_to_recognise = twin(check_can_ask_to_recognise, NotAllowed)
can_agree_to_recognise = twin(check_can_agree_to_recognise, NotAllowed)
can_recognise = twin(check_can_recognise, NotAllowed)
can_answer_persons = twin(check_can_answer_persons, NotAllowed)
can_decide_on_models = twin(check_can_decide_on_models, NotAllowed)
can_keep = twin(check_can_keep, NotAllowed)
can_purge = twin(check_can_purge, NotAllowed)
