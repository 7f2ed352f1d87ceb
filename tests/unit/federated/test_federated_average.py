"""FedAvg gives what a hand would compute, whatever order the sites answer in."""

from __future__ import annotations

import numpy as np
import pytest

from federim_federated import flower_internals
from federim_federated.flower import Message, MetricRecord, RecordDict
from federim_federated.quorum import Quorum
from federim_federated.recorder import Recorder
from federim_federated.records import ARRAYS, METRICS, from_record, to_record
from federim_federated.strategy import RecordedAverage, average_evaluations

SITES = {2: "alpha", 3: "beta", 4: "gamma"}
EXAMPLES = {2: 10, 3: 30, 4: 60}
WEIGHTS = {2: [1.0, 0.0], 3: [0.0, 1.0], 4: [2.0, -1.0]}
LOSSES = {2: 0.9, 3: 0.5, 4: 0.1}


@pytest.fixture
def strategy(consortium, plan_name, tmp_path):
    plan = consortium.drafted(plan_name).plan
    return RecordedAverage(
        plan, Quorum(plan, SITES), Recorder(tmp_path), fixed={"mean": np.array([3.0, 4.0])}
    )


def answers(nodes, weights=WEIGHTS) -> list[Message]:
    replies = []
    for node in nodes:
        with flower_internals.server_identity(run_id=1):
            asked = Message(RecordDict(), dst_node_id=node, message_type="train")
        content = RecordDict(
            {
                ARRAYS: to_record({"weights": np.array(weights[node])}),
                METRICS: MetricRecord({"num-examples": EXAMPLES[node], "loss": LOSSES[node]}),
            }
        )
        replies.append(Message(content, reply_to=asked))
    return replies


def test_sites_weigh_by_their_examples(strategy):
    arrays, metrics = strategy.aggregate_train(1, answers([2, 3, 4]))
    model = from_record(arrays)
    np.testing.assert_allclose(model["weights"], [0.1 * 1 + 0.6 * 2, 0.3 * 1 - 0.6 * 1], rtol=1e-15)
    assert metrics["loss"] == pytest.approx(0.1 * 0.9 + 0.3 * 0.5 + 0.6 * 0.1)


def test_what_sites_do_not_train_is_put_back(strategy):
    arrays, _ = strategy.aggregate_train(1, answers([2, 3]))
    assert from_record(arrays)["mean"].tolist() == [3.0, 4.0]


def test_the_order_of_answers_changes_no_bit(strategy):
    cancelling = {2: [1e17], 3: [1.0], 4: [-1e17 / 6]}  # summed in another order, the 1.0 is lost
    orders = ([2, 3, 4], [4, 2, 3])
    one, other = (strategy.aggregate_train(1, answers(nodes, cancelling))[0] for nodes in orders)
    assert one["weights"].data == other["weights"].data


def test_an_auc_a_site_could_not_tell_weighs_nothing():
    def test_of(examples: int, auc: float, told: int) -> RecordDict:
        numbers = {"num-examples": examples, "loss": 0.5, "auc": auc, "auc-examples": told}
        return RecordDict({METRICS: MetricRecord(numbers)})

    averaged = average_evaluations(
        [test_of(20, 0.8, 20), test_of(60, 0.0, 0), test_of(60, 0.9, 60)], "num-examples"
    )
    assert averaged["auc"] == pytest.approx((20 * 0.8 + 60 * 0.9) / 80)
    assert "auc" not in average_evaluations([test_of(20, 0.0, 0)], "num-examples")
