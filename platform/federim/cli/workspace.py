"""`federim workspace`: the homes in which one project's researchers have their cohort, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.home import Role

if TYPE_CHECKING:
    from federim_pipelines.workspace.build import Built
    from federim_pipelines.workspace.register import Registered

workspace = typer.Typer(
    help="Give a project its cohort, in a home of its own.", no_args_is_help=True, suggest_commands=False
)

Id = Annotated[
    str, typer.Argument(help="The workspace's id, or the beginning of it: federim workspace list.")
]


@workspace.command()
def build(
    context: typer.Context,
    project: Annotated[str, typer.Argument(help="The project, as its approved request calls it.")],
    snapshot: Annotated[str, typer.Option(help="The frozen cohort that was granted: its id, or its cohort.")],
    to: Annotated[Path, typer.Option(help="The workspace's home: a path where nothing is yet.")],
    dispositions: Annotated[
        Path | None,
        typer.Option(help="The site's word on private attributes, as in federim ingest.", exists=True),
    ] = None,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Materialise a project's cohort: its rows and columns, and its images if they were granted.

    Pseudonyms, UIDs, dates and names of objects are the project's own: pixels and what was measured alone are
    as in another project's workspace. Who objects is not in it, and leaves it when they object later.
    """
    from federim.governance.workspaces import granted
    from federim_federated import project_key
    from federim_pipelines.progress import shown
    from federim_pipelines.workspace.build import ProjectSecrets
    from federim_pipelines.workspace.build import build as materialise

    home = open_home(context, Role.SITE)
    grant = granted(home, project, snapshot)
    key = project_key.read(home, project)
    with shown(ERR) as progress:
        done = materialise(
            home,
            grant,
            snapshot,
            to,
            project=ProjectSecrets(key=key.key, epoch=key.epoch),
            dispositions=dispositions,
            progress=progress,
            actor=actor,
        )
    report(_document(done, to), _told(done, to), as_json=as_json)


@workspace.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the workspaces this site built: which are over, which cannot be reached, whom they still hold."""
    from federim_pipelines.workspace.register import every

    found = [_row(each) for each in every(open_home(context, Role.SITE))]
    text = "\n".join(_line(row) for row in found)
    report({"workspaces": found}, text or "no workspace was built here", as_json=as_json)


@workspace.command()
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what the workspace in this home holds, once it is found to be as its site signed it."""
    from federim.lake import workspace as workspaces

    found = workspaces.open_checked(open_home(context, Role.WORKSPACE))
    lines = [
        f"project {found.project}, request {found.request}, from {found.site}",
        f"to be opened until {found.ends}, revision {found.revision}",
        f"{len(found.files):,} files as signed, {found.objects:,} instances",
        *(f"{name:<22} {', '.join(columns)}" for name, columns in found.tables.items()),
    ]
    report(found.as_document(), "\n".join(lines), as_json=as_json)


@workspace.command()
def settle(context: typer.Context, actor: Actor = "operator", as_json: AsJson = False) -> None:
    """Take those who objected out of workspaces that could not be reached; exit 1 while some cannot."""
    from federim_pipelines.workspace.settle import settle as settle_

    home = open_home(context, Role.SITE)
    done = settle_(home, actor=actor)
    report(
        {"rewritten": done.rewritten, "rows": done.rows, "pending": done.pending},
        f"{done.rewritten:,} workspaces rewritten, {done.rows:,} rows left them; {done.pending:,} pending",
        as_json=as_json,
    )
    if done.pending:
        raise typer.Exit(1)


@workspace.command()
def remove(context: typer.Context, id_: Id, actor: Actor = "operator", as_json: AsJson = False) -> None:
    """Remove a workspace with all that is in its home, and forget it."""
    from federim_pipelines.workspace.settle import remove as remove_

    home = open_home(context, Role.SITE)
    gone, was_there = remove_(home, id_, actor=actor)
    report(
        {"workspace": gone.id, "was_there": was_there},
        f"removed {gone.place}" if was_there else f"{gone.place} was gone already; it is forgotten",
        as_json=as_json,
    )


def _row(each: Registered) -> dict[str, Any]:
    return {
        "id": each.id,
        "project": each.project,
        "request": each.request,
        "snapshot": each.snapshot,
        "home": str(each.place),
        "pixels": each.pixels,
        "persons": each.persons,
        "ends": each.ends.isoformat(),
        "removal_due": each.over(datetime.now(UTC).date()),
        "reachable": each.reachable,
        "persons_to_leave": each.owed,
    }


def _line(row: dict[str, Any]) -> str:
    notes = [
        "removal is due" if row["removal_due"] else f"until {row['ends']}",
        *([] if row["reachable"] else ["cannot be reached"]),
        *([f"{row['persons_to_leave']:,} persons have to leave it"] if row["persons_to_leave"] else []),
    ]
    told = f"{row['id'][:12]} {row['project']:<20} {row['persons']:>7,} persons"
    return f"{told}  {'; '.join(notes)}  {row['home']}"


def _document(done: Built, to: Path) -> dict[str, Any]:
    made = done.workspace
    return {
        "workspace": made.id,
        "home": str(to.absolute()),
        "project": made.project,
        "request": made.request,
        "persons": done.persons,
        "rows": done.rows,
        "objects": made.objects,
        "held_objects": done.held,
        "ends": made.ends.isoformat(),
    }


def _told(done: Built, to: Path) -> str:
    made = done.workspace
    lines = [
        f"{to.absolute()}: project {made.project}, until {made.ends}",
        f"{done.persons:>9,} persons",
        *(f"{count:>9,} rows of {name}" for name, count in done.rows.items()),
    ]
    if made.pixels:
        lines.append(f"{made.objects:>9,} instances")
    if done.held:
        lines.append(f"{done.held:>9,} instances stayed: they may show a face")
    return "\n".join(lines)
