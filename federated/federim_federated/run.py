"""Run a signed plan in this process, over site homes on this machine."""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from federim.audit import trail
from federim.home import Home, Role
from federim.model.errors import InputError
from federim_federated import flower_internals, plan, plan_store, server, site_data
from federim_federated.flower import Context, RecordDict
from federim_federated.local import LocalGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What came of a run."""

    run: str
    rounds: int
    sites: tuple[str, ...]
    refused: dict[str, dict[str, str]]  # site → message type → public code
    auc: float | None  # None where no site had enough of both classes to tell one
    loss: float | None
    seconds: float
    model: Path

    def as_json(self) -> dict[str, Any]:
        """The summary for programs."""
        return {**asdict(self), "sites": list(self.sites), "model": str(self.model)}


def run(
    hub: Home,
    name: str,
    sites: Sequence[Home],
    *,
    actor: str,
    learning_rate: float | None = None,
    local_epochs: int | None = None,
) -> RunSummary:
    """Train the plan called `name` across `sites`, the hub's part and theirs in this one process.

    Parameters
    ----------
    learning_rate, local_epochs
        Within the plan's bounds; the plan's defaults where not given.

    Raises
    ------
    InputError
        A setting is outside the plan's bounds, or there are fewer sites than it asks for.
    VerificationFailed
        The hub has not signed the plan.
    GateRefused
        Too few sites answered; the message has each site's public reason.
    """
    hub.require(Role.HUB)
    signed = plan_store.load(hub, name)
    agreed = signed.plan
    plan.check_hub(hub, signed)
    rate = agreed.learning_rate.default if learning_rate is None else learning_rate
    epochs = int(agreed.local_epochs.default) if local_epochs is None else local_epochs
    if not agreed.learning_rate.allow(rate) or not agreed.local_epochs.allow(epochs):
        raise InputError(
            f"plan {name} allows a learning rate of {agreed.learning_rate.lowest:g} to "
            f"{agreed.learning_rate.highest:g} and {agreed.local_epochs.lowest:g} to "
            f"{agreed.local_epochs.highest:g} local epochs"
        )
    if len(sites) < agreed.minimum_sites:
        raise InputError(f"plan {name} asks for {agreed.minimum_sites} sites or more; {len(sites)} given")
    run_id = secrets.randbits(62)
    grid = LocalGrid(sites, run_id)
    folder = _new_folder(hub, name)
    context = Context(
        run_id=run_id,
        node_id=flower_internals.SERVER_NODE,
        node_config={},
        state=RecordDict(),
        run_config={
            "plan": str(hub.plans / f"{name}.json"),
            "folder": str(folder),
            "nodes": json.dumps(grid.sites),
            "learning-rate": float(rate),
            "local-epochs": epochs,
        },
    )
    # Flower's own log tells every record it moves; ours has a line a round.
    logging.getLogger("flwr").setLevel(logging.WARNING)
    trail.record(
        hub, actor, "federated.run", run=folder.name, plan=name, digest=signed.digest, sites=len(sites)
    )
    started = time.monotonic()
    try:
        with flower_internals.server_identity(run_id):
            server.app(grid, context)
    finally:
        site_data.forget()
    facts = json.loads((folder / "model.json").read_text())
    trail.record(hub, actor, "federated.model", run=folder.name, plan=name, sha256=facts["sha256"])
    return RunSummary(
        run=folder.name,
        rounds=facts["rounds"],
        sites=tuple(facts["sites"]),
        refused=facts["refused"],
        auc=facts.get("auc"),
        loss=facts.get("loss"),
        seconds=round(time.monotonic() - started, 3),
        model=folder / "model.npz",
    )


def _new_folder(hub: Home, name: str) -> Path:
    """A folder for one run; its name sorts by time."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = hub.runs / f"{moment}-{name}-{secrets.token_hex(2)}"
    folder.mkdir(mode=0o700)
    return folder
