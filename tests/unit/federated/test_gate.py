"""The gate's truth table: everything that must not pass, and the public code each is refused with."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest

from federim.home import Home
from federim.lake import snapshot
from federim.model.training import SnapshotPin
from federim_federated import plan, plan_store
from federim_federated.codes import GateCode, Refused
from federim_federated.flower import Array, ConfigRecord, Message, MetricRecord, RecordDict
from federim_federated.gate import Gate
from federim_federated.plan_store import SignedPlan
from federim_federated.records import ARRAYS, CONFIG, METRICS, from_record, to_record

Content = Callable[[RecordDict], None]


def refusal(act: Callable[[], object]) -> GateCode:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.code


def test_what_the_plan_declares_passes(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name)
    admitted = Gate(alpha).admit(consortium.train_message(agreed))
    leaving = Gate(alpha).release(admitted, reply(admitted.message))
    assert set(from_record(leaving.content.array_records[ARRAYS])) == {"weights", "bias"}


# --- the plan -----------------------------------------------------------------------------------------


def yesterday() -> dt.date:
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires": yesterday()}, GateCode.EXPIRED),
        ({"app_sha256": "1" * 64}, GateCode.APP_CHANGED),
        ({"project": "another"}, GateCode.PROJECT_KEY_MISSING),
        ({"minimum_cohort": 10_000}, GateCode.COHORT_TOO_SMALL),
    ],
)
def test_a_signed_plan_is_refused_when(consortium, plan_name, alpha, changes, code):
    agreed = consortium.agreed(plan_name, **changes)
    assert refusal(lambda: Gate(alpha).admit(consortium.train_message(agreed))) is code


def test_a_plan_for_another_snapshot_is_refused(consortium, plan_name, alpha):
    pins = tuple(SnapshotPin(site=site, sha256="2" * 64) for site in consortium.pins)
    agreed = consortium.agreed(plan_name, sites=pins)
    assert refusal(lambda: Gate(alpha).admit(consortium.train_message(agreed))) is GateCode.SNAPSHOT_CHANGED


def test_a_plan_that_does_not_name_the_site_is_refused(consortium, plan_name, alpha):
    pins = tuple(SnapshotPin(site=s, sha256=h) for s, h in consortium.pins.items() if s != "alpha")
    agreed = consortium.agreed(plan_name, sites=pins)
    assert refusal(lambda: Gate(alpha).admit(consortium.train_message(agreed))) is GateCode.SNAPSHOT_CHANGED


@pytest.mark.parametrize("damage", ["one byte flipped", "gone"])
def test_a_plan_is_refused_once_a_lake_file_it_rests_on_was_changed(consortium, plan_name, alpha, damage):
    agreed = consortium.agreed(plan_name)
    Gate(alpha).admit(consortium.train_message(agreed))
    pinned = snapshot.load(alpha, agreed.plan.cohort).files[0]
    path = alpha.lake / pinned.path
    whole = path.read_bytes()
    path.chmod(0o600)
    try:
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
        found = refusal(lambda: Gate(alpha).admit(consortium.train_message(agreed)))
    finally:
        path.write_bytes(whole)  # the site is the other tests' too
    assert found is GateCode.SNAPSHOT_CHANGED


def unsigned_by_the_hub(signed: SignedPlan, consortium) -> SignedPlan:
    return SignedPlan(signed.plan, {"alpha": signed.signatures["alpha"]})


def signed_by_another_in_the_hubs_name(signed: SignedPlan, consortium) -> SignedPlan:
    forged = consortium.sites["gamma"].signing_key.sign(plan.claim(signed, "hub"))
    return signed.signed("hub", forged)


def signed_by_a_hub_nobody_knows(signed: SignedPlan, consortium) -> SignedPlan:
    other = SignedPlan(dataclasses.replace(signed.plan, hub="other-hub"))
    by_them = other.signed("other-hub", consortium.hub.signing_key.sign(plan.claim(other, "other-hub")))
    return by_them.signed("alpha", consortium.sites["alpha"].signing_key.sign(plan.claim(other, "alpha")))


def signed_by_the_site_as_its_own_committee(signed: SignedPlan, consortium) -> SignedPlan:
    own = SignedPlan(dataclasses.replace(signed.plan, hub="alpha"))
    return own.signed("alpha", consortium.sites["alpha"].signing_key.sign(plan.claim(own, "alpha")))


def not_countersigned(signed: SignedPlan, consortium) -> SignedPlan:
    return SignedPlan(signed.plan, {"hub": signed.signatures["hub"]})


def countersigned_by_another_site(signed: SignedPlan, consortium) -> SignedPlan:
    return signed.signed("alpha", signed.signatures["beta"])


def changed_after_it_was_signed(signed: SignedPlan, consortium) -> SignedPlan:
    return SignedPlan(dataclasses.replace(signed.plan, rounds=7), signed.signatures)


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (unsigned_by_the_hub, GateCode.NOT_SIGNED),
        (signed_by_another_in_the_hubs_name, GateCode.NOT_SIGNED),
        (signed_by_a_hub_nobody_knows, GateCode.NOT_SIGNED),
        (signed_by_the_site_as_its_own_committee, GateCode.NOT_SIGNED),
        (changed_after_it_was_signed, GateCode.NOT_SIGNED),
        (not_countersigned, GateCode.NOT_COUNTERSIGNED),
        (countersigned_by_another_site, GateCode.NOT_COUNTERSIGNED),
    ],
)
def test_signatures(consortium, plan_name, alpha, tamper, code):
    tampered = tamper(consortium.agreed(plan_name), consortium)
    plan_store.save(alpha, tampered)
    assert refusal(lambda: Gate(alpha).admit(consortium.train_message(tampered))) is code


@pytest.mark.parametrize("named", ["3" * 64, "", 12])
def test_a_plan_the_site_does_not_hold_is_refused(consortium, plan_name, alpha, named):
    message = consortium.train_message(consortium.agreed(plan_name), plan=named)
    assert refusal(lambda: Gate(alpha).admit(message)) is GateCode.PLAN_UNKNOWN


def test_a_site_may_raise_the_smallest_cohort(consortium, plan_name, alpha, monkeypatch):
    agreed = consortium.agreed(plan_name)
    monkeypatch.setenv("FEDERIM_MINIMUM_COHORT", "89")
    stricter = Home.open(alpha.root)  # 90 patients, but not 89 of them train
    message = consortium.train_message(agreed)
    assert refusal(lambda: Gate(stricter).admit(message)) is GateCode.COHORT_TOO_SMALL


# --- the message --------------------------------------------------------------------------------------


@pytest.mark.parametrize("message_type", ["train.more", "query.rows", "query", "evaluate.again"])
def test_a_message_type_the_plan_does_not_know_is_refused(consortium, plan_name, alpha, message_type):
    known = consortium.train_message(consortium.agreed(plan_name))
    unknown = consortium.message(known.content, message_type)
    assert refusal(lambda: Gate(alpha).admit(unknown)) is GateCode.MESSAGE_TYPE


@pytest.mark.parametrize(
    "asked",
    [
        {"learning-rate": 1.5},
        {"learning-rate": 0.001},
        {"learning-rate": float("nan")},
        {"learning-rate": True},
        {"local-epochs": 6},
        {"local-epochs": 0},
        {"local-epochs": 2.0},
        {"server-round": 0},
        {"server-round": 7},
        {"query": "select * from person"},
    ],
)
def test_a_run_config_outside_the_plan_is_refused(consortium, plan_name, alpha, asked):
    message = consortium.train_message(consortium.agreed(plan_name), **asked)
    assert refusal(lambda: Gate(alpha).admit(message)) is GateCode.RUN_CONFIG


def test_a_run_config_that_lacks_something_is_refused(consortium, plan_name, alpha):
    message = consortium.train_message(consortium.agreed(plan_name))
    del message.content.config_records[CONFIG]["learning-rate"]
    assert refusal(lambda: Gate(alpha).admit(message)) is GateCode.RUN_CONFIG


def without_model(content: RecordDict) -> None:
    del content[ARRAYS]


def model_of_another_width(content: RecordDict) -> None:
    content.array_records[ARRAYS]["weights"] = Array(np.zeros(3))


def model_with_a_stranger(content: RecordDict) -> None:
    content.array_records[ARRAYS]["extra"] = Array(np.zeros(1))


def model_with_a_nan(content: RecordDict) -> None:
    content.array_records[ARRAYS]["weights"] = Array(np.array([np.nan, 0.0]))


def second_record(content: RecordDict) -> None:
    content["more"] = to_record({"weights": np.zeros(2)})


@pytest.mark.parametrize(
    "change", [without_model, model_of_another_width, model_with_a_stranger, model_with_a_nan, second_record]
)
def test_a_model_that_is_not_the_plans_is_refused(consortium, plan_name, alpha, change: Content):
    message = consortium.train_message(consortium.agreed(plan_name))
    change(message.content)
    assert refusal(lambda: Gate(alpha).admit(message)) is GateCode.MODEL_ARRAYS


# --- the reply ----------------------------------------------------------------------------------------


def reply(to: Message) -> Message:
    content = RecordDict(
        {
            ARRAYS: to_record({"weights": np.array([0.5, -0.5]), "bias": np.array([0.1])}),
            METRICS: MetricRecord({"num-examples": 40, "loss": 0.5}),
        }
    )
    return Message(content, reply_to=to)


def set_weights(array: Array) -> Content:
    def change(content: RecordDict) -> None:
        content.array_records[ARRAYS]["weights"] = array

    return change


def set_metric(name: str, value: float | list[float]) -> Content:
    def change(content: RecordDict) -> None:
        content.metric_records[METRICS][name] = value

    return change


def drop_array(content: RecordDict) -> None:
    del content.array_records[ARRAYS]["bias"]


def drop_metric(content: RecordDict) -> None:
    del content.metric_records[METRICS]["loss"]


def drop_metrics(content: RecordDict) -> None:
    del content[METRICS]


def array_that_says_one_shape_and_holds_another() -> Array:
    longer = Array(np.zeros(3))
    return Array(dtype="float64", shape=(2,), stype=longer.stype, data=longer.data)


def array_with_a_message_behind_it(size: int) -> Array:
    honest = Array(np.array([0.5, -0.5]))
    return Array(
        dtype=honest.dtype, shape=honest.shape, stype=honest.stype, data=honest.data + b"Dupont" * (size // 6)
    )


def array_that_is_pickled() -> Array:
    honest = Array(np.zeros(2))
    return Array(dtype="float64", shape=(2,), stype="pickle", data=honest.data)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (model_with_a_stranger, GateCode.REPLY_ARRAYS),
        (second_record, GateCode.REPLY_ARRAYS),
        (without_model, GateCode.REPLY_ARRAYS),
        (drop_array, GateCode.REPLY_ARRAYS),
        (set_weights(Array(np.zeros(3))), GateCode.REPLY_ARRAYS),
        (set_weights(Array(np.zeros((2, 1)))), GateCode.REPLY_ARRAYS),
        (set_weights(Array(np.zeros(2, dtype=np.float32))), GateCode.REPLY_ARRAYS),
        (set_weights(Array(np.array(["Dupont", "Durand"]))), GateCode.REPLY_ARRAYS),
        (set_weights(array_that_says_one_shape_and_holds_another()), GateCode.REPLY_ARRAYS),
        (set_weights(array_that_is_pickled()), GateCode.REPLY_ARRAYS),
        (set_weights(array_with_a_message_behind_it(6000)), GateCode.REPLY_ARRAYS),
        (set_weights(Array(np.array([np.nan, 0.0]))), GateCode.REPLY_NOT_FINITE),
        (set_weights(Array(np.array([np.inf, 0.0]))), GateCode.REPLY_NOT_FINITE),
        (set_metric("loss", float("nan")), GateCode.REPLY_NOT_FINITE),
        (set_weights(Array(np.array([100.0, 1.0]))), GateCode.REPLY_NORM),
        (set_metric("age-of-the-first", 43), GateCode.REPLY_METRICS),
        (set_metric("loss", [0.1, 0.2, 0.3]), GateCode.REPLY_METRICS),
        (drop_metric, GateCode.REPLY_METRICS),
        (drop_metrics, GateCode.REPLY_METRICS),
    ],
)
def test_a_reply_that_is_not_what_was_declared_is_refused(
    consortium, plan_name, alpha, change: Content, code
):
    gate = Gate(alpha)
    admitted = gate.admit(consortium.train_message(consortium.agreed(plan_name)))
    answer = reply(admitted.message)
    change(answer.content)
    assert refusal(lambda: gate.release(admitted, answer)) is code


def test_what_travels_beside_the_declared_is_left_behind(consortium, plan_name, alpha):
    gate = Gate(alpha)
    admitted = gate.admit(consortium.train_message(consortium.agreed(plan_name)))
    answer = reply(admitted.message)
    answer.content["note"] = ConfigRecord({"who": "Dupont"})
    set_weights(array_with_a_message_behind_it(12))(answer.content)
    leaving = gate.release(admitted, answer)
    assert "Dupont" not in repr(leaving)
    assert not leaving.content.config_records


@pytest.mark.parametrize(("count", "passes"), [(0, True), (1, False), (10, False), (11, True)])
def test_a_count_too_small_to_leave_is_refused(consortium, plan_name, alpha, count, passes):
    gate = Gate(alpha)
    agreed = consortium.agreed(plan_name)
    asked = RecordDict({CONFIG: ConfigRecord({"plan": agreed.digest})})
    admitted = gate.admit(consortium.message(asked, "query.statistics"))
    arrays = {"count": np.array([40, count]), "sum": np.ones(2), "squares": np.ones(2)}
    content = RecordDict({ARRAYS: to_record(arrays), METRICS: MetricRecord({"num-examples": 40})})
    answer = Message(content, reply_to=admitted.message)
    if passes:
        gate.release(admitted, answer)
    else:
        assert refusal(lambda: gate.release(admitted, answer)) is GateCode.REPLY_SMALL_CELL
