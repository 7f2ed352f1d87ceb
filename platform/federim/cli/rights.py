"""`federim forget`, `restore` and `subject`: the rights of persons, answered by a site."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.cli.whom import InsOption, IppOption, IssuerOption, PseudonymOption, named
from federim.home import Role

if TYPE_CHECKING:
    from federim.governance.rights.record import ErasureRecord
    from federim.governance.rights.steps import Step
    from federim.home import Home
    from federim.identity.rights import Rights

subject = typer.Typer(help="A person's right of access.", no_args_is_help=True, suggest_commands=False)

Project = Annotated[
    str, typer.Option(help="The one project that the person objects to.", show_default="all research")
]


def forget(
    context: typer.Context,
    ins: InsOption = "",
    ipp: IppOption = "",
    issuer: IssuerOption = "",
    pseudonym: PseudonymOption = "",
    project: Project = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Honour a person's opposition: nothing of them is read any more, and what is held of them is erased.

    Tables, objects, snapshots and releases are rewritten without them; a record with counts stays. A run that
    was stopped is started again with the same words. Other sites are told by federim notices.
    """
    from federim.governance.rights.erasure import forget as forget_
    from federim.identity.rights import Rights

    home = open_home(context, Role.SITE)
    with Rights.open(home) as rights:
        whom = named(home, rights, ins=ins, ipp=ipp, issuer=issuer, pseudonym=pseudonym)
        done = forget_(home, rights, whom, project=project, outside=places(rights), actor=actor)
    report(done.as_json(), _told(home, done), as_json=as_json)


def restore(
    context: typer.Context,
    ins: InsOption = "",
    ipp: IppOption = "",
    issuer: IssuerOption = "",
    pseudonym: PseudonymOption = "",
    project: Project = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Withdraw a person's opposition, for the future: what was erased comes back only if it is read again.

    Only the INS says what the other sites know somebody by who was erased here: without it they are not told.
    """
    from federim.governance.rights.restoration import restore as restore_
    from federim.identity.rights import Rights

    home = open_home(context, Role.SITE)
    with Rights.open(home) as rights:
        whom = named(home, rights, ins=ins, ipp=ipp, issuer=issuer, pseudonym=pseudonym)
        done = restore_(home, rights, whom, project=project, actor=actor)
    report(
        {"was_listed": done.was_listed, "notices": done.notices},
        ("the opposition is withdrawn" if done.was_listed else "there was no opposition of this site's")
        + f"\n{done.notices:,} notices wait for other sites: federim notices send",
        as_json=as_json,
    )


@subject.callback()
def _group() -> None:
    """Keep `report` a word of its own while it is the only one."""


@subject.command("report")
def report_(
    context: typer.Context,
    ins: InsOption = "",
    ipp: IppOption = "",
    issuer: IssuerOption = "",
    pseudonym: PseudonymOption = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Say what is held of a person, in counts, and where it went: for the officer who answers them."""
    from federim.governance.rights.access import report_on
    from federim.identity.rights import Rights
    from federim_federated.opposition import plans_of
    from federim_pipelines.workspace.register import with_persons

    home = open_home(context, Role.SITE)
    with Rights.open(home) as rights:
        whom = named(home, rights, ins=ins, ipp=ipp, issuer=issuer, pseudonym=pseudonym)
        found = report_on(
            home, rights, whom, plans=plans_of(home), workspaces=partial(with_persons, home), actor=actor
        )
    report(found.as_json(), found.as_text(), as_json=as_json)


def places(rights: Rights) -> list[Step]:
    """Where else than in the lake something of a person may be: plans first, since snapshots tell of them."""
    from federim_federated.opposition import MarkModels
    from federim_pipelines.forgetting.steps import places as beside_the_lake

    return [MarkModels(), *beside_the_lake(rights)]


def complete_pending(home: Home) -> None:
    """Complete the erasures that a kill left; nothing happens where there are none."""
    from federim.governance.rights.erasure import complete_pending as complete
    from federim.identity.rights import Rights

    with Rights.open(home) as rights:
        if rights.pending():
            complete(home, rights, outside=places(rights))


def _told(home: Home, done: ErasureRecord) -> str:
    lines = [
        f"excluded from {done.project}" if done.project else "erased",
        *(f"{rows:>9,} rows of {table}" for table, rows in done.tables.items()),
        f"{done.files_rewritten:>9,} files rewritten, {done.snapshots:,} snapshots revised",
        f"{done.releases_revised:>9,} releases revised, {done.releases_withdrawn:,} withdrawn",
        *(
            f"{count:>9,} {what.replace('_', ' ')} ({place})"
            for place, counts in done.elsewhere.items()
            for what, count in counts.items()
            if isinstance(count, int)
        ),
        f"{done.rows_left:>9,} rows left",
        f"record: {home.erasures / done.id}.json",
    ]
    return "\n".join(lines)
