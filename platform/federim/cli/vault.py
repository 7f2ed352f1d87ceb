"""`federim vault`: look after the identities that nobody else sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.stopping import ending_well
from federim.cli.vault_reevaluate import reevaluate_commands
from federim.cli.vault_relink import relink_commands
from federim.home import Role
from federim.model.errors import IdentityError

UNCHANGED = "nothing was changed"

vault = typer.Typer(
    help="Who is who: encrypted, apart from everything else, never shown.",
    no_args_is_help=True,
    suggest_commands=False,
)
vault.add_typer(reevaluate_commands)
vault.add_typer(relink_commands)


@vault.command()
def info(context: typer.Context, as_json: AsJson = False) -> None:
    """Show where the vault is, which key it is under and how much it holds."""
    from federim.identity import custody

    found = custody.info(open_home(context, Role.SITE))
    epochs = ", ".join(map(str, found.epochs)) or "none"
    others = {name: count for name, count in found.rows.items() if name not in ("person", "key_check")}
    lines = [
        f"{found.place}, {found.bytes / 1e6:,.1f} MB, under key {found.key} ({found.key_from})",
        f"epochs of the key server: {epochs}",
        f"{found.rows['person']:>12,} persons, {found.linked:,} of them linked",
        *(f"{count:>12,} {name}" for name, count in others.items()),
    ]
    report(asdict(found), "\n".join(lines), as_json=as_json)


@vault.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Open every row and hash every key again; exit 8 where one is not as it was written."""
    from federim.identity import custody

    with _rows("checking") as progress, ending_well(UNCHANGED):
        found = custody.check(open_home(context, Role.SITE), progress)
    lines = [f"{found.rows:,} rows, " + ("whole" if found.ok else "not whole")]
    if not found.sound:
        lines.append("the database finds its own files damaged")
    lines += [f"{count:,} rows of {name} do not open" for name, count in found.changed.items()]
    if found.strange:
        lines.append(
            f"{found.strange:,} persons have a pseudonym that keys/root.key does not make; "
            "restore the one of this home"
        )
    report({**asdict(found), "ok": found.ok}, "\n".join(lines), as_json=as_json)
    if not found.ok:
        raise typer.Exit(IdentityError.exit_code)


@vault.command()
def backup(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make; it must not exist.")],
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Write the whole vault into one encrypted file, while others go on working with it."""
    from federim.audit.trail import record
    from federim.identity import custody

    home = open_home(context, Role.SITE)
    with _rows("writing") as progress, ending_well("no file was made"):
        done = custody.back_up(home, path, progress)
    record(home, actor, "vault.backup", rows=done.rows, persons=done.persons)
    report(
        {"file": str(path), **asdict(done)},
        f"{done.rows:,} rows of {done.persons:,} persons in {path}; "
        "the vault key opens it and is not in it: keep both, apart from each other",
        as_json=as_json,
    )


@vault.command()
def restore(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What federim vault backup made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Lose what the vault there is learned since; oppositions stay.")
    ] = False,
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Make the vault what a backup holds, whole or not at all, in the database that vault_url names."""
    from federim.audit.trail import record
    from federim.identity import custody

    home = open_home(context, Role.SITE)
    with _rows("reading") as progress, ending_well(UNCHANGED):
        done = custody.restore(home, path, replace=replace, progress=progress)
    record(home, actor, "vault.restore", made_at=done.made_at, rows=done.rows, left_out=done.left_out)
    lines = [f"{done.rows:,} rows of {done.persons:,} persons, as they were on {done.made_at}"]
    if done.left_out:
        lines.append(f"{done.left_out:,} of them object by now, and were left out")
    lines.append("what was told since is learned again when its sources are ingested again")
    report(asdict(done), "\n".join(lines), as_json=as_json)


@vault.command("rotate-key")
def rotate_key(context: typer.Context, actor: Actor = "operator", as_json: AsJson = False) -> None:
    """Encrypt and hash every row under a new key. Whoever has the vault open meanwhile is ended by an error.

    Pseudonyms stay as they are. Killed at any moment, the vault opens; run it again to be sure. Where the key
    is in FEDERIM_VAULT_KEY, give the next one in FEDERIM_VAULT_KEY_NEXT.
    """
    from federim.audit.trail import record
    from federim.identity import custody

    home = open_home(context, Role.SITE)
    with (
        _rows("encrypting") as progress,
        ending_well("the vault opens; federim vault info says under which key"),
    ):
        done = custody.rotate_key(home, progress)
    record(home, actor, "vault.rotate-key", rows=done.rows)
    lines = [
        f"{done.rows:,} rows are under the new key; make a backup: earlier ones open under the former alone"
    ]
    if done.from_environment:
        lines.append("now set FEDERIM_VAULT_KEY to what FEDERIM_VAULT_KEY_NEXT is, and unset that")
    if not done.scrubbed:
        lines.append(
            "another program reads the database, which keeps rows under the former key in its files until "
            "the next federim forget or rotate-key"
        )
    report(asdict(done), "\n".join(lines), as_json=as_json)


@contextmanager
def _rows(doing: str) -> Iterator[Callable[[int], object]]:
    """A bar that counts rows, on a terminal alone."""
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task(f"{doing} rows", total=None)
        yield lambda count: bar.advance(task, count)
