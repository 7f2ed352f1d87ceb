"""`federim vault reevaluate`: follow the key server into its newest epoch."""

from __future__ import annotations

from dataclasses import asdict

import typer

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.stopping import resumable
from federim.home import Role

reevaluate_commands = typer.Typer()


@reevaluate_commands.command()
def reevaluate(context: typer.Context, actor: Actor = "operator", as_json: AsJson = False) -> None:
    """Ask the key server's newest epoch for every linked person's token; no pseudonym changes.

    To be run between the key server's rotation and the closing of the epoch before. Stopped, or refused for
    today by a quota, it goes on where it was.
    """
    from federim.audit.trail import record
    from federim.identity.exchange import Exchange
    from federim_pipelines.progress import shown

    home = open_home(context, Role.SITE)
    with Exchange.open(home) as exchange, shown(ERR) as watch, resumable("the tokens made are kept"):
        told = 0

        def tell(done: int, of: int) -> None:
            nonlocal told
            if done == 0:
                watch.stage("asking the key server", of)
            for _ in range(done - told):
                watch.advance()
            told = done

        done = exchange.reevaluate(tell)
    record(home, actor, "vault.reevaluate", epoch=done.epoch, persons=done.evaluated)
    report(
        asdict(done),
        f"{done.evaluated:,} persons asked for, {done.ready:,} have their token of epoch {done.epoch}",
        as_json=as_json,
    )
