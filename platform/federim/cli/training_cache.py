"""`federim federated cache`: what a site keeps of decoded series, have it filled, and clear it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import ERR, AsJson, open_home, report
from federim.cli.stopping import resumable
from federim.home import Role
from federim.model.errors import HomeError

if TYPE_CHECKING:
    from federim.lake.arrays.kept import Kept

cache = typer.Typer(
    help="Series as they were decoded for training, kept so that they are decoded once.",
    no_args_is_help=True,
    suggest_commands=False,
)


@cache.command()
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Say how many decoded series are kept, of which snapshot, and their bytes."""
    from federim.lake.arrays import kept, room

    home = open_home(context, Role.SITE)
    found = kept.by_snapshot(home)
    total = sum(found.values(), kept.Kept())
    allowed = room.allowed(home)
    lines = [_line(each, name or "of snapshots that are no more") for name, each in found.items()]
    lines.append(_line(total, f"of {allowed:,} allowed" if allowed else "and no room: set training_cache"))
    document = {
        **total.as_json(),
        "allowed": allowed,
        "snapshots": {name: each.as_json() for name, each in found.items()},
    }
    report(document, "\n".join(lines), as_json=as_json)


@cache.command()
def fill(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="PLAN.json", help="A signed plan of an image task, as the hub sent it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Decode the series of a plan ahead of its first round, and keep them."""
    from federim.lake.arrays import kept, room
    from federim_federated import plan_store, site_data, watching
    from federim_pipelines.progress import shown

    home = open_home(context, Role.SITE)
    if not room.allowed(home):
        raise HomeError("this site keeps no decoded series; give them room: training_cache in federim.toml")
    plan = plan_store.read(source).plan
    with resumable("series that were decoded are kept"), shown(ERR) as watch, watching.watched(watch):
        site_data.load(home, plan)
    total = kept.counted(home)
    report(total.as_json(), _line(total, "kept"), as_json=as_json)


@cache.command()
def clear(
    context: typer.Context,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what is of snapshots that were revised or purged.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove decoded series; training decodes again what it needs."""
    from federim.lake.arrays import kept
    from federim.lake.locks import nobody_copies

    home = open_home(context, Role.SITE)
    with nobody_copies(home):
        gone = kept.drop_stale(home) if stale else kept.clear(home)
    report(gone.as_json(), _line(gone, "gone"), as_json=as_json)


def _line(found: Kept, what: str) -> str:
    return f"{found.arrays:>9,} arrays {found.bytes:>15,} bytes  {what}"
