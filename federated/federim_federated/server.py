"""What the hub does in a run: sums, rounds of training, the final model. Flower's ServerApp."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from federim_federated import plan_store, statistics
from federim_federated.flower import ConfigRecord, Context, Grid, Message, RecordDict, ServerApp
from federim_federated.quorum import Quorum
from federim_federated.recorder import Recorder
from federim_federated.records import ARRAYS, CONFIG, Arrays, from_record, metrics_of, to_record
from federim_federated.strategy import RecordedAverage
from federim_federated.tasks import learner

STATISTICS: Final = "query.statistics"
TIMEOUT_SECONDS: Final = 3600.0
"""Longest a round waits for a site."""

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Train as the plan says.

    `context.run_config` holds `plan` (path of the signed plan), `folder` (where the run is written),
    `nodes` (JSON: node → site), `learning-rate` and `local-epochs`.

    Raises
    ------
    GateRefused
        Fewer sites than the plan's minimum answered.
    """
    config = context.run_config
    signed = plan_store.read(Path(str(config["plan"])))
    plan = signed.plan
    recorder = Recorder(Path(str(config["folder"])))
    quorum = Quorum(plan, {int(node): site for node, site in json.loads(str(config["nodes"])).items()})
    arrays = learner(plan.task).initial(plan)
    fixed = _scale(grid, signed.digest, quorum, recorder) if plan.message(STATISTICS) else {}
    strategy = RecordedAverage(plan, quorum, recorder, fixed=fixed)
    result = strategy.start(
        grid,
        to_record({**arrays, **fixed}),
        num_rounds=plan.rounds,
        timeout=TIMEOUT_SECONDS,
        train_config=ConfigRecord(
            {
                "plan": signed.digest,
                "learning-rate": float(config["learning-rate"]),
                "local-epochs": int(config["local-epochs"]),
            }
        ),
        evaluate_config=ConfigRecord({"plan": signed.digest}),
    )
    recorder.model(
        from_record(result.arrays),
        {
            "plan": plan.name,
            "digest": signed.digest,
            "task": plan.task.value,
            "rounds": plan.rounds,
            "sites": sorted(quorum.sites),
            "refused": quorum.refused,
            "learning_rate": config["learning-rate"],
            "local_epochs": config["local-epochs"],
            **strategy.last,
        },
    )


def _scale(grid: Grid, digest: str, quorum: Quorum, recorder: Recorder) -> Arrays:
    """Mean and deviation of each feature over the training persons of all sites."""
    asked = ConfigRecord({"plan": digest})
    replies = grid.send_and_receive(
        [
            Message(RecordDict({CONFIG: asked}), dst_node_id=node, message_type=STATISTICS)
            for node in grid.get_node_ids()
        ],
        timeout=TIMEOUT_SECONDS,
    )
    accepted = quorum.accepted(0, STATISTICS, replies)
    for reply in accepted:
        recorder.metrics(0, STATISTICS, quorum.site(reply), metrics_of(reply.content))
    mean, deviation = statistics.combine(
        from_record(reply.content.array_records[ARRAYS]) for reply in accepted
    )
    return {"mean": mean, "deviation": deviation}
