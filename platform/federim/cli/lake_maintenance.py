"""`federim lake check`, `optimize`, `vacuum`: whether the lake is whole, and keep it quick and small."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import ERR, AsJson, open_home, report
from federim.cli.stopping import resumable
from federim.home import Role
from federim.model.errors import LakeError

if TYPE_CHECKING:
    from federim.lake.maintenance.checking import Checked

maintenance = typer.Typer()

Sample = Annotated[
    int, typer.Option(min=0, help="Objects whose bytes are hashed, drawn anew each time; 0 hashes none.")
]


@maintenance.command()
def check(context: typer.Context, sample: Sample = 1_000, as_json: AsJson = False) -> None:
    """Check tables, files, rows, stored objects and snapshots; changes nothing, and may run beside an ingest.

    Exit code 7 where something is not as it should be; each line says what was found and what to do.
    """
    from federim.lake.maintenance.checking import check as check_
    from federim_pipelines.progress import shown

    home = open_home(context, Role.SITE)
    with shown(ERR) as watch:
        checked = check_(home, sample=sample, watch=watch)
    report(checked.as_json(), "\n".join(_told(checked)), as_json=as_json)
    if not checked.ok:
        raise typer.Exit(LakeError.exit_code)


@maintenance.command()
def optimize(
    context: typer.Context,
    table: Annotated[list[str] | None, typer.Option(help="Only this table; may be said again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring each table's rows into few files, in their declared order, so that queries read less.

    No row changes, and what snapshots pin stays. Waits for a run that writes.
    """
    from federim.lake.maintenance.optimizing import optimize as optimize_
    from federim_pipelines.progress import shown

    home = open_home(context, Role.SITE)
    with resumable("tables that were done stay so"), shown(ERR) as watch:
        done = optimize_(home, only=table or (), watch=watch)
    lines = [
        f"{name:<24} {told.files_before:>7,} files -> {told.files:>7,} "
        f"{told.bytes_before:>15,} bytes -> {told.bytes:>15,}"
        for name, told in done.items()
        if told.changed
    ]
    document = {"tables": {name: asdict(told) for name, told in done.items()}}
    report(document, "\n".join(lines or ["Every table is in order: nothing to do."]), as_json=as_json)


@maintenance.command()
def vacuum(
    context: typer.Context,
    older_than: Annotated[
        int, typer.Option(min=0, help="Days since nothing needs it; 0 only while nobody reads the lake.")
    ] = 7,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove files and stored objects that no live table and no snapshot needs, and unfinished files.

    What a release, a request or a training plan rests on is pinned by its snapshot, and stays.
    """
    from federim.lake.maintenance.vacuuming import vacuum as vacuum_
    from federim_pipelines.progress import shown

    home = open_home(context, Role.SITE)
    with resumable("what was removed is gone"), shown(ERR) as watch:
        done = vacuum_(home, older_than=older_than, dry_run=dry_run, watch=watch)
    lines = [
        "would go:" if dry_run else "gone:",
        f"{done.files:>9,} files of tables    {done.file_bytes:>15,} bytes",
        f"{done.objects:>9,} stored objects     {done.object_bytes:>15,} bytes",
        f"{done.arrays:>9,} decoded series     {done.array_bytes:>15,} bytes",
        f"{done.unfinished:>9,} unfinished files   {done.unfinished_bytes:>15,} bytes",
        f"{done.kept:>9,} that nothing needs either stay: they are younger than {older_than} days",
    ]
    report({**done.as_json(), "dry_run": dry_run}, "\n".join(lines), as_json=as_json)


def _told(checked: Checked) -> list[str]:
    objects = checked.objects
    unsorted = sum(told.unsorted_files for told in checked.tables.values())
    lines = [
        f"{'table':<24} {'rows':>14} {'files':>7} {'bytes':>15}",
        *(
            f"{name:<24} {told.rows:>14,} {told.files:>7,} {told.bytes:>15,}"
            for name, told in checked.tables.items()
        ),
        "",
        f"{sum(checked.references.dangling.values()):>9,} rows speak of what is not in the lake",
        f"{objects.rows:>9,} stored objects looked for, {objects.hashed:,} of them hashed",
        f"{checked.snapshots:>9,} snapshots have the files they pin",
    ]
    if objects.orphans:
        lines.append(
            f"{objects.orphans:>9,} objects ({objects.orphan_bytes:,} bytes) that nothing speaks of: "
            "federim lake vacuum removes those that are old"
        )
    if unsorted:
        lines.append(f"{unsorted:>9,} files are not in order, which slows queries: federim lake optimize")
    lines.append("")
    if checked.ok:
        return [*lines, "The lake is whole."]
    return [*lines, f"{len(checked.problems):,} problems:", *(f"  {problem}" for problem in checked.problems)]
