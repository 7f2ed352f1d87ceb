"""`federim member`: who may act in a home, and as what."""

from __future__ import annotations

from typing import Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role
from federim.model.export import MemberRole

member = typer.Typer(help="Who may act, and as what.", no_args_is_help=True, suggest_commands=False)


@member.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One lower-case word, for example a.martin.")],
    role: Annotated[list[MemberRole], typer.Option(help="What they may do; give it once for each role.")],
    actor: Actor,
    as_json: AsJson = False,
) -> None:
    """Enrol a member, or set the roles of one. Only a coordinator can, once there is one."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance.members import enrol

    enrolled = enrol(home, actor, name, role)
    report(
        {"member": enrolled.name, "roles": enrolled.roles},
        f"{enrolled.name} is {', '.join(enrolled.roles)}",
        as_json=as_json,
    )


@member.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every member and their roles."""
    home = open_home(context, Role.HUB, Role.SITE)
    from federim.governance.members import members

    found = members(home)
    report(
        {"members": [{"member": each.name, "roles": each.roles} for each in found]},
        "\n".join(f"{each.name:<24} {', '.join(each.roles)}" for each in found) or "no member yet",
        as_json=as_json,
    )
