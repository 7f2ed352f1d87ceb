"""`federim federated`: draft, sign, counter-sign and run a training plan, and report on a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.logging import RichHandler

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.models import model_commands
from federim.cli.training_cache import cache
from federim.home import Home, Role

if TYPE_CHECKING:
    from federim_federated.plan_store import SignedPlan

federated = typer.Typer(
    help="Train a model across sites; no record and no image moves.",
    no_args_is_help=True,
    suggest_commands=False,
)

federated.add_typer(model_commands)
federated.add_typer(cache, name="cache")

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name, as in its TOML file.")]


@federated.command("plan")
def plan_(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="PLAN.toml", help="What is to be trained, on what, how far.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a plan, add what its task's code declares, and keep it at the hub for signature."""
    from federim_federated import plan

    _tell(plan.draft(open_home(context, Role.HUB), source), "drafted", as_json=as_json)


@federated.command()
def sign(context: typer.Context, name: PlanName, actor: Actor, as_json: AsJson = False) -> None:
    """Sign a plan for the committee, and make its project's key if there is none."""
    from federim_federated import plan

    hub = open_home(context, Role.HUB)
    _tell(plan.sign(hub, name, actor=actor), "signed", path=hub.plans / f"{name}.json", as_json=as_json)


@federated.command()
def countersign(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="PLAN.json", help="The signed plan, as the hub sent it.")],
    actor: Actor,
    project_key: Annotated[
        Path | None,
        typer.Option(help="The project's key, as the hub sealed it for this site; needed once a project."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Agree to a plan at a site: from then on the site's gate admits its messages."""
    from federim.cli.project import install_file
    from federim_federated import plan, plan_store

    site = open_home(context, Role.SITE)
    agreed = plan.countersign(site, plan_store.read(source), actor=actor)
    if project_key is not None:
        install_file(site, project_key, actor=actor)
    _tell(agreed, f"counter-signed by {site.name}", as_json=as_json)


@federated.command("run")
def run_(
    context: typer.Context,
    name: PlanName,
    actor: Actor,
    site: Annotated[list[Path], typer.Option(help="A site's home; once for each site.")],
    learning_rate: Annotated[
        float | None, typer.Option(help="Within the plan's bounds; the plan's own where not given.")
    ] = None,
    local_epochs: Annotated[
        int | None, typer.Option(help="Passes over a site's examples a round, within the plan's bounds.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train in this process, over homes on this machine: each site's gate stands as it does on a network."""
    from federim_federated import run, watching
    from federim_pipelines.progress import shown

    hub = open_home(context, Role.HUB)
    homes = [Home.open(path) for path in site]
    with _rounds_told(), shown(ERR) as watch, watching.watched(watch):
        summary = run.run(
            hub, name, homes, actor=actor, learning_rate=learning_rate, local_epochs=local_epochs
        )
    auc = "not told" if summary.auc is None else f"{summary.auc:.3f}"
    report(
        summary.as_json(),
        f"run {summary.run}: {summary.rounds} rounds over {', '.join(summary.sites)}, "
        f"{summary.seconds:.1f} s\n"
        f"mean of the sites' own test AUCs: {auc}\n"
        f"model: {summary.model}\n"
        f"next: federim federated report {summary.run}",
        as_json=as_json,
    )


@federated.command("report")
def report_(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's name, as `federated run` printed it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Write a page with a run's learning curves, its sites, and what they refused."""
    from federim_federated import report as reporting

    page = reporting.write(open_home(context, Role.HUB), name)
    report({"run": name, "report": str(page)}, f"report: {page}", as_json=as_json)


def _tell(signed: SignedPlan, done: str, *, as_json: bool, path: Path | None = None) -> None:
    from federim_federated.plan import WARNING

    plan = signed.plan
    document = {
        "plan": plan.name,
        "digest": signed.digest,
        "task": plan.task.value,
        "sites": [pin.site for pin in plan.sites],
        "expires": plan.expires.isoformat(),
        "signatures": sorted(signed.signatures),
    }
    lines = [
        f"plan {plan.name} {done}: {plan.purpose}",
        f"{plan.task.value} task on cohort {plan.cohort} at {', '.join(pin.site for pin in plan.sites)}",
        f"{plan.rounds} rounds, at least {plan.minimum_cohort} persons a site, until {plan.expires}",
        f"digest {signed.digest}",
        f"note: {WARNING}",
    ]
    if path is not None:
        document["path"] = str(path)
        lines.append(f"seal its project's key to each site: federim project seal {plan.project} --site SITE")
        lines.append(f"each site then agrees: federim --home SITE federated countersign {path}")
    report(document, "\n".join(lines), as_json=as_json)


@contextmanager
def _rounds_told() -> Iterator[None]:
    """A line a round on the error stream, so that `--json` leaves the output clean."""
    log = logging.getLogger("federim.federated")
    lines = RichHandler(console=ERR, show_path=False, show_level=False, log_time_format="%H:%M:%S")
    log.setLevel(logging.INFO)
    log.addHandler(lines)
    try:
        yield
    finally:
        log.removeHandler(lines)
