"""Ask for an export or a workspace: draft it, revise it, submit it, take it back."""

from __future__ import annotations

from datetime import UTC, datetime

from federim.audit.trail import acting
from federim.database import alias
from federim.governance import disclosure, documents, policies, workspace_report
from federim.governance.documents import Document, Kind
from federim.governance.forms import Definition, definition_from
from federim.governance.members import member_named
from federim.governance.models import Request, Revision
from federim.governance.moves import Move, after
from federim.governance.permissions import check_can_change, check_can_request
from federim.home import Home
from federim.model.errors import UnknownName
from federim.model.export import ExportDefinition


def requests(home: Home) -> list[Request]:
    """Every request, by number."""
    return list(Request.objects.using(alias(home)).select_related("author", "amends"))


def request_numbered(home: Home, number: str, *, locked: bool = False) -> Request:
    """The request of that number; `locked` holds its row until the transaction ends.

    Raises
    ------
    UnknownName
        There is none.
    """
    every = Request.objects.using(alias(home)).select_related("author")
    found = (every.select_for_update(of=("self",)) if locked else every).filter(number=number).first()
    if found is None:
        raise UnknownName("export request", number, [each.number for each in every])
    return found


def revision_of(request: Request) -> Revision:
    """The revision that counts: the latest."""
    latest = request.revisions.order_by("-number").first()
    assert latest is not None, "a request is created with its first revision"
    return latest


def definition_of(revision: Revision) -> Definition:
    """What a revision asks for."""
    return definition_from(revision.definition)


def package_content(issuer: str, number: str, revision: int, definition: Document) -> Document:
    """What the package hash covers: the wording, and whose request it is."""
    return {"issuer": issuer, "request": number, "revision": revision, "definition": definition}


def move(home: Home, request: Request, step: Move) -> None:
    """Move a locked request; raise `StateRefused` where its state does not allow it."""
    request.status = after(request.stands, step).value
    request.save(using=alias(home), update_fields=["status"])


def request(home: Home, actor: str, definition: Definition, *, amends: str = "") -> Request:
    """Draft a request; it is numbered YEAR-NNN.

    Raises
    ------
    NotAllowed
        The actor is not a researcher.
    DisclosureRisk, SchemaError, UnknownName, InputError
        A column asked for may never leave, or go into a workspace, or is not in the lake's tables.
    """
    author = member_named(home, actor)
    check_can_request(author)
    _check_columns(definition)
    with acting(home, actor, "export.request") as detail:
        parent = request_numbered(home, amends) if amends else None
        drafted = Request.objects.using(alias(home)).create(
            number=_next_number(home), author=author, amends=parent
        )
        revision = _add_revision(home, drafted, 1, definition)
        detail.update(request=drafted.number, package=revision.sha256)
    return drafted


def revise(home: Home, actor: str, number: str, definition: Definition) -> Revision:
    """Reword a draft, or a request the committee wants changed; each site has to assess it again.

    Raises
    ------
    StateRefused
        The package is frozen.
    """
    author = member_named(home, actor)
    _check_columns(definition)
    with acting(home, actor, "export.revise", request=number) as detail:
        found = request_numbered(home, number, locked=True)
        check_can_change(author, found.author.name)
        policies.check_revisable(found.stands)
        revision = _add_revision(home, found, revision_of(found).number + 1, definition)
        detail.update(revision=revision.number, package=revision.sha256)
    return revision


def submit(home: Home, actor: str, number: str) -> Revision:
    """Freeze the package and hand it in.

    Raises
    ------
    StateRefused
        The request is not the author's to submit now, or a site has not found its risk acceptable.
    """
    author = member_named(home, actor)
    with acting(home, actor, "export.submit", request=number) as detail:
        found = request_numbered(home, number, locked=True)
        check_can_change(author, found.author.name)
        revision = revision_of(found)
        move(home, found, Move.SUBMIT)
        policies.check_unreviewed(submitted=revision.submitted_at is not None)
        policies.check_assessed(
            [snapshot.site for snapshot in definition_of(revision).snapshots],
            {report.site: report.acceptable for report in revision.reports.all()},
        )
        revision.submitted_at = datetime.now(UTC)
        revision.save(using=alias(home), update_fields=["submitted_at"])
        detail.update(package=revision.sha256)
    return revision


def withdraw(home: Home, actor: str, number: str) -> None:
    """Take a request back before it is decided."""
    author = member_named(home, actor)
    with acting(home, actor, "export.withdraw", request=number):
        found = request_numbered(home, number, locked=True)
        check_can_change(author, found.author.name)
        move(home, found, Move.WITHDRAW)


def package(home: Home, number: str) -> Document:
    """The signed package document each site assesses."""
    found = request_numbered(home, number)
    revision = revision_of(found)
    content = package_content(home.name, found.number, revision.number, revision.definition)
    return documents.sign(home, Kind.PACKAGE, {**content, "author": found.author.name})


def _check_columns(definition: Definition) -> None:
    if isinstance(definition, ExportDefinition):
        disclosure.check_columns(definition)
    else:
        workspace_report.check_columns(definition)


def _next_number(home: Home) -> str:
    year = datetime.now(UTC).year
    last = Request.objects.using(alias(home)).filter(number__startswith=f"{year}-").order_by("-id").first()
    return f"{year}-{int(last.number[5:]) + 1 if last else 1:03d}"


def _add_revision(home: Home, request: Request, number: int, definition: Definition) -> Revision:
    document = definition.as_document()
    content = package_content(home.name, request.number, number, document)
    return Revision.objects.using(alias(home)).create(
        request=request, number=number, definition=document, sha256=documents.digest(content)
    )
