"""What a site does with a message: sums, a round of training, or a test. Flower's ClientApp.

It knows nothing of trust: the site's gate stands before and behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from federim.home import Home
from federim.model.training import TrainingPlan
from federim_federated import plan_store, site_data, statistics
from federim_federated.flower import ClientApp, Context, Message, MetricRecord, RecordDict
from federim_federated.metrics import DECIMALS, evaluation
from federim_federated.records import ARRAYS, CONFIG, EXAMPLES, METRICS, Arrays, from_record, to_record
from federim_federated.tasks import learner

app = ClientApp()


@app.query("statistics")
def summarise(message: Message, context: Context) -> Message:
    """Reply with count, sum and sum of squares of each feature over the site's training persons."""
    home, plan = _asked(message, context)
    train = site_data.load(home, plan).train
    arrays = statistics.summarise(train.inputs, small_cell=home.settings.small_cell)
    return _reply(message, arrays, {EXAMPLES: len(train)})


@app.train()
def train(message: Message, context: Context) -> Message:
    """Reply with the model after some passes over the site's training examples."""
    home, plan = _asked(message, context)
    examples = site_data.load(home, plan).train
    config = message.content.config_records[CONFIG]
    arrays, loss = learner(plan.task).train(
        from_record(message.content.array_records[ARRAYS]),
        examples.inputs,
        examples.labels,
        learning_rate=cast("float", config["learning-rate"]),
        epochs=cast("int", config["local-epochs"]),
        seed=plan.seed + cast("int", config["server-round"]),
    )
    return _reply(message, arrays, {EXAMPLES: len(examples), "loss": round(loss, DECIMALS)})


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Reply with how well the model scores the site's test examples."""
    home, plan = _asked(message, context)
    examples = site_data.load(home, plan).test
    scores = learner(plan.task).score(from_record(message.content.array_records[ARRAYS]), examples.inputs)
    return _reply(message, {}, {EXAMPLES: len(examples), **evaluation(examples.labels, scores)})


def _asked(message: Message, context: Context) -> tuple[Home, TrainingPlan]:
    home = Home.open(Path(str(context.node_config["home"])))
    return home, plan_store.find(home, str(message.content.config_records[CONFIG]["plan"])).plan


def _reply(message: Message, arrays: Arrays, metrics: Mapping[str, float | int]) -> Message:
    content = RecordDict({METRICS: MetricRecord(dict(metrics))})
    if arrays:
        content[ARRAYS] = to_record(arrays)
    return Message(content, reply_to=message)
