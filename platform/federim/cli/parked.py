"""`federim parked`: what waits for the key server, and reading it now."""

from __future__ import annotations

from typing import Annotated

import typer

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.reading import Dask, Workers, readers
from federim.cli.stopping import resumable
from federim.home import Role
from federim.model.errors import KeyServerAway

parked = typer.Typer(
    help="What waits for the key server, encrypted. It is read by itself with whatever is ingested next.",
    no_args_is_help=True,
    suggest_commands=False,
)


@parked.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Count the pieces that wait, by kind of source, and those that the lake refused in the end."""
    from federim_pipelines.parked.counts import counted
    from federim_pipelines.parked.resuming import DAMAGED

    counts = counted(open_home(context, Role.SITE))
    lines = [f"{count:>9,} {source} pieces wait" for source, count in sorted(counts.waiting.items())] or [
        "Nothing waits for the key server."
    ]
    if counts.since is not None:
        lines.append(f"{counts.bytes >> 20:>9,} MB, the first since {counts.since:%Y-%m-%d %H:%M} UTC")
    if counts.damaged:
        lines.append(f"{counts.damaged:>9,} more cannot be opened: {DAMAGED}")
    if counts.refused:
        lines.append(f"{counts.refused:>9,} that the lake refused are kept: federim quarantine list says why")
    report(counts.as_json(), "\n".join(lines), as_json=as_json)


@parked.command()
def resume(
    context: typer.Context,
    again: Annotated[
        bool, typer.Option("--again", help="Read what the lake refused once more as well.")
    ] = False,
    workers: Workers = None,
    dask: Dask = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Ask the key server, and read what waits for it into the lake."""
    from federim_pipelines.parked.lot import ParkingLot
    from federim_pipelines.parked.resuming import resume as run
    from federim_pipelines.progress import shown

    home = open_home(context, Role.SITE)
    if again:
        for bay in ParkingLot(home).bays():
            bay.readmit()
    with (
        resumable("what was committed stays"),
        readers(workers, dask, home) as executor,
        shown(ERR) as progress,
    ):
        done = run(home, executor=executor, progress=progress, actor=actor)
    if done.away and not done.pieces:
        raise KeyServerAway(
            "the key server does not answer: everything parked waits still, and nothing is lost; see that it "
            "runs and that key_server in federim.toml names it, then try again"
        )
    accepted, refused = (
        sum(getattr(each, word) for each in done.runs) for word in ("accepted", "quarantined")
    )
    lines = [
        f"{done.pieces:>9,} pieces read that were parked",
        f"{accepted:>9,} of them accepted",
        f"{refused:>9,} quarantined",
        *(f"not read: {why}" for why in done.stuck),
    ]
    if done.away:
        lines.append("The key server stopped answering: what is left waits on.")
    report(
        {
            "runs": [each.run for each in done.runs],
            "pieces": done.pieces,
            "accepted": accepted,
            "quarantined": refused,
            "away": done.away,
            "not_read": done.stuck,
        },
        "\n".join(lines),
        as_json=as_json,
    )
