"""The commands of `federim federated` about models that a person trained who objects since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import Actor, AsJson, open_home, report
from federim.home import Role

if TYPE_CHECKING:
    from federim_federated.marks import Model, Verdict

model_commands = typer.Typer()

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's name, as federated models shows it.")]
Reason = Annotated[str, typer.Option(help="Why the committee decided so.")]


@model_commands.command()
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the hub's models, and which wait for the committee because who trained them objects since."""
    from federim_federated import marks

    found = marks.models(open_home(context, Role.HUB))
    report(
        {"models": [each.as_json() for each in found]},
        "\n".join(_line(each) for each in found) or "No model yet.",
        as_json=as_json,
    )


@model_commands.command()
def retire(
    context: typer.Context,
    name: Run,
    reason: Reason,
    actor: Actor,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="A new plan is to follow, without who objects.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write down that a marked model is used no more: its arrays are deleted."""
    from federim_federated.marks import Verdict

    _decide(context, name, Verdict.RETRAIN if retrain else Verdict.RETIRE, reason, actor, as_json=as_json)


@model_commands.command()
def keep(context: typer.Context, name: Run, reason: Reason, actor: Actor, as_json: AsJson = False) -> None:
    """Write down that a marked model stays in use, and why."""
    from federim_federated.marks import Verdict

    _decide(context, name, Verdict.KEEP, reason, actor, as_json=as_json)


def _decide(
    context: typer.Context, name: str, verdict: Verdict, reason: str, actor: str, *, as_json: bool
) -> None:
    from federim_federated import marks

    decided = marks.decide(open_home(context, Role.HUB), name, verdict, reason=reason, actor=actor)
    report(decided.as_json(), _line(decided), as_json=as_json)


def _line(model: Model) -> str:
    sites = ", ".join(sorted({mark.site for mark in model.marks}))
    marked = f"marked by {sites}" if sites else "no mark"
    last = f"; {model.decisions[-1].verdict.value} by {model.decisions[-1].by}" if model.decisions else ""
    waits = "; waits for the committee" if model.waits else ""
    return f"{model.run}  {marked}{last}{waits}"
