"""The in-process grid behaves as a network: nothing is shared, and no exception's text gets through."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from federim.model.errors import GateRefused, InputError
from federim_federated import client, flower_internals, run, site_data
from federim_federated.codes import PUBLIC_SENTENCE, GateCode
from federim_federated.flower import Array, ConfigRecord, Message, RecordDict
from federim_federated.local import LocalGrid
from federim_federated.records import ARRAYS, CONFIG
from federim_federated.tasks import tabular

PATIENT = "Dupont Jeanne 1943"


@pytest.fixture
def grid(consortium):
    return LocalGrid(list(consortium.sites.values()), run_id=5)


def sent(grid: LocalGrid, content: RecordDict, message_type: str) -> list[Message]:
    with flower_internals.server_identity(run_id=5):
        messages = [
            Message(content, dst_node_id=node, message_type=message_type) for node in grid.get_node_ids()
        ]
        return list(grid.send_and_receive(messages, timeout=60))


def test_each_site_is_a_node(grid, consortium):
    assert list(grid.sites.values()) == list(consortium.sites)
    assert list(grid.get_node_ids()) == list(grid.sites)


def test_what_a_site_does_to_its_message_reaches_nobody_else(consortium, plan_name, grid, monkeypatch):
    agreed = consortium.agreed(plan_name)
    arrived = []
    answer = client.app

    def vandal(message, context):
        config, arrays = message.content.config_records[CONFIG], message.content.array_records[ARRAYS]
        arrived.append((config["local-epochs"], arrays["weights"].numpy().tolist()))
        reply = answer(message, context)
        config["local-epochs"] = 5
        arrays["weights"] = Array(np.array([9.0, 9.0]))
        return reply

    monkeypatch.setattr(client, "app", vandal)
    asked = consortium.train_message(agreed).content
    replies = sent(grid, asked, "train")
    assert all(reply.has_content() for reply in replies)
    assert arrived == [(2, [0.0, 0.0])] * 3
    assert asked.config_records[CONFIG]["local-epochs"] == 2
    assert asked.array_records[ARRAYS]["weights"].numpy().tolist() == [0.0, 0.0]


def test_a_patients_value_in_an_exception_stays_at_the_site(consortium, plan_name, grid, monkeypatch, caplog):
    def failing(*_, **__):
        raise ValueError(f"could not convert string to float: '{PATIENT}'")

    agreed = consortium.agreed(plan_name)
    site_data.forget()
    monkeypatch.setattr(tabular, "read", failing)
    with caplog.at_level(logging.INFO, logger="federim.federated"):
        replies = sent(grid, consortium.train_message(agreed).content, "train")
    assert [reply.error.code for reply in replies] == [GateCode.FAILED] * 3
    assert {reply.error.reason for reply in replies} == {PUBLIC_SENTENCE[GateCode.FAILED]}
    assert PATIENT not in repr(replies) and PATIENT not in caplog.text
    assert "ValueError at test_local_grid.py" in caplog.text, "the site's own log says what and where"


def test_a_run_that_too_few_sites_join_fails_with_their_public_reasons(consortium, plan_name, monkeypatch):
    def failing(*_, **__):
        raise ValueError(PATIENT)

    consortium.agreed(plan_name)
    site_data.forget()
    monkeypatch.setattr(tabular, "read", failing)
    with pytest.raises(GateRefused) as refused:
        run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada")
    told = str(refused.value)
    assert "0 of 3 sites answered where the plan asks for 2" in told
    assert f"beta: {PUBLIC_SENTENCE[GateCode.FAILED]}" in told
    assert PATIENT not in told


def test_a_run_goes_on_without_a_site_that_refuses(consortium, plan_name):
    agreed = consortium.agreed(plan_name, rounds=2)
    (consortium.sites["gamma"].plans / f"{plan_name}.json").unlink()
    summary = run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada")
    assert summary.refused == {
        "gamma": {"query.statistics": "PLAN_UNKNOWN", "train": "PLAN_UNKNOWN", "evaluate": "PLAN_UNKNOWN"}
    }
    assert summary.rounds == agreed.plan.rounds


def test_a_site_too_small_to_test_on_still_trains(consortium, plan_name):
    consortium.agreed(plan_name, rounds=2, test_fraction=0.01)
    summary = run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada")
    assert summary.refused == {site: {"evaluate": "COHORT_TOO_SMALL"} for site in consortium.sites}
    assert summary.auc is None and summary.loss is None


def test_after_the_deadline_no_site_is_asked(consortium, plan_name, grid):
    asked = RecordDict({CONFIG: ConfigRecord({"plan": consortium.agreed(plan_name).digest})})
    with flower_internals.server_identity(run_id=5):
        messages = [Message(asked, dst_node_id=node, message_type="query.statistics") for node in grid.sites]
        assert list(grid.send_and_receive(messages, timeout=0)) == []


def test_replies_are_handed_out_once(consortium, plan_name, grid):
    asked = RecordDict({CONFIG: ConfigRecord({"plan": consortium.agreed(plan_name).digest})})
    with flower_internals.server_identity(run_id=5):
        ids = list(grid.push_messages([grid.create_message(asked, "query.statistics", 2, group_id="0")]))
    assert len(list(grid.pull_messages(ids))) == 1
    assert list(grid.pull_messages(ids)) == []


def test_one_home_cannot_take_part_twice(consortium):
    alpha = consortium.sites["alpha"]
    with pytest.raises(InputError, match="each site takes part once"):
        LocalGrid([alpha, alpha], run_id=1)


def test_fewer_sites_than_the_plan_asks_for_are_not_waited_for(consortium, plan_name):
    consortium.agreed(plan_name)
    with pytest.raises(InputError, match="asks for 2 sites or more; 1 given"):
        run.run(consortium.hub, plan_name, [consortium.sites["alpha"]], actor="ada")


def test_the_wire_keeps_numbers_exactly():
    from federim_federated.records import from_record, to_record

    weights = np.array([0.1, np.nextafter(1.0, 2.0), -0.0])
    with flower_internals.server_identity(run_id=5):
        message = Message(
            RecordDict({ARRAYS: to_record({"w": weights})}), dst_node_id=2, message_type="train"
        )
    received = from_record(flower_internals.over_the_wire(message).content.array_records[ARRAYS])["w"]
    assert received.tobytes() == weights.tobytes()
