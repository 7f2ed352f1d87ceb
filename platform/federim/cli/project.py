"""`federim project`: make a project's key at the hub, seal it to a site, install it there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Home, Role
from federim.model.errors import InputError

if TYPE_CHECKING:
    from federim_federated.project_key import ProjectKey

project = typer.Typer(
    help="Keys that give each project pseudonyms, UIDs and dates of its own.",
    no_args_is_help=True,
    suggest_commands=False,
)

ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's name, as in its plans.")]


@project.command()
def create(
    context: typer.Context,
    name: ProjectName,
    actor: Actor,
    epoch: Annotated[
        str,
        typer.Option(
            help="Public key of the key server's epoch that the project pins; the one that this hub trusts "
            "where it trusts one alone."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a project's key at the hub; one that is there stays."""
    from federim.audit import trail
    from federim_federated import project_key

    hub = open_home(context, Role.HUB)
    made = project_key.create(hub, name, epoch=epoch)
    trail.record(hub, actor, "project.create", project=name)
    report(
        _described(made),
        f"project {name} has its key; {_epoch(made)}\n"
        f"once a plan is signed: federim project seal {name} --site SITE --out FILE",
        as_json=as_json,
    )


@project.command()
def seal(
    context: typer.Context,
    name: ProjectName,
    site: Annotated[str, typer.Option(help="The site it is for, which a signed plan of the project names.")],
    out: Annotated[Path, typer.Option(help="Where to write it; it must not exist.")],
    actor: Actor,
    as_json: AsJson = False,
) -> None:
    """Seal a project's key to one of its sites: nobody else can open the file."""
    from federim.keys import write_private
    from federim_federated import project_sites

    sealed = project_sites.seal(open_home(context, Role.HUB), name, site, actor=actor)
    try:
        write_private(out, sealed)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}") from None
    report(
        {"project": name, "site": site, "sealed": str(out)},
        f"key of project {name}, which {site} alone can open: {out}\n"
        f"there: federim project install {out.name}",
        as_json=as_json,
    )


@project.command()
def install(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The sealed key, as the hub wrote it.")],
    actor: Actor,
    as_json: AsJson = False,
) -> None:
    """Keep a project's key at this site, sealed as it came."""
    installed = install_file(open_home(context, Role.SITE), source, actor=actor)
    report(
        _described(installed),
        f"key of project {installed.project}, made by {installed.hub}, is installed; {_epoch(installed)}",
        as_json=as_json,
    )


@project.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the projects whose key this home holds."""
    from federim_federated import project_key

    home = open_home(context, Role.HUB, Role.SITE)
    held = [project_key.read(home, name) for name in project_key.known(home)]
    report(
        {"projects": [_described(key) for key in held]},
        "\n".join(f"{key.project:<40} made by {key.hub}; {_epoch(key)}" for key in held) or "no project yet",
        as_json=as_json,
    )


def install_file(site: Home, source: Path, *, actor: str) -> ProjectKey:
    """Install the sealed key in a file, and record it."""
    from federim.audit import trail
    from federim_federated import project_key

    try:
        sealed = source.read_bytes()
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from None
    installed = project_key.install(site, sealed)
    trail.record(site, actor, "project.install", project=installed.project, hub=installed.hub)
    return installed


def _described(key: ProjectKey) -> dict[str, Any]:
    return {"project": key.project, "hub": key.hub, "epoch": key.epoch.hex() if key.epoch else None}


def _epoch(key: ProjectKey) -> str:
    return f"key server's epoch {key.epoch.hex()[:16]}…" if key.epoch else "no key server is pinned"
