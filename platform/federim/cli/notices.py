"""`federim notices`: sealed messages between sites about who objects, carried by the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role

notices = typer.Typer(
    help="Sealed messages about who objects; the hub carries what it cannot open.",
    no_args_is_help=True,
    suggest_commands=False,
)


@notices.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show how many messages wait to be carried, by recipient."""
    from federim.governance.rights import outbox

    waiting = outbox.counted(open_home(context, Role.SITE, Role.HUB))
    lines = [f"{count:>9,} for {name}" for name, count in sorted(waiting.items())]
    report({"waiting": dict(waiting)}, "\n".join(lines) or "Nothing waits.", as_json=as_json)


@notices.command()
def send(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the messages are put.")],
    to: Annotated[str, typer.Option(help="At the hub: only those for this home.", show_default="all")] = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Put the messages that wait into a folder, to be carried to the hub, or from there to their sites."""
    from federim.audit import trail
    from federim.governance.rights import outbox

    home = open_home(context, Role.SITE, Role.HUB)
    moved = outbox.hand_out(home, folder, to)
    trail.record(home, actor, "notices.send", messages=len(moved))
    report({"sent": len(moved)}, f"{len(moved):,} messages in {folder}", as_json=as_json)


@notices.command()
def take(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Messages, or folders of them.", exists=True)
    ],
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Take in messages: persons who object elsewhere are erased here; a hub keeps those for its sites."""
    home = open_home(context, Role.SITE, Role.HUB)
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    if home.settings.role is Role.HUB:
        from federim.governance.rights import outbox
        from federim_federated import marks

        here = [file for file in files if outbox.recipient_of(file) == home.name]
        marked = sum(marks.take(home, file, actor=actor) for file in here)
        for file in files:
            if file not in here:
                outbox.forward(home, file)
        told = {"taken": len(here), "models_marked": marked, "to_forward": len(files) - len(here)}
    else:
        from federim.cli.rights import places
        from federim.governance.rights.erasure import check_officer, complete_pending
        from federim.governance.rights.notices import take as take_
        from federim.identity.rights import Rights

        check_officer(home, actor)
        with Rights.open(home) as rights:
            taken = take_(home, rights, files, actor=actor)
            erased = complete_pending(home, rights, outside=places(rights))
        told = {
            "taken": len(files) - taken.again,
            "again": taken.again,
            "strangers": taken.remembered,
            "withdrawn": taken.withdrawn,
            "erased": len(erased),
        }
    report(
        told,
        "\n".join(f"{count:>9,} {what.replace('_', ' ')}" for what, count in told.items()),
        as_json=as_json,
    )
