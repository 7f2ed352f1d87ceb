"""Who takes part: answers, refusals and silences are told apart; only public reasons are repeated."""

from __future__ import annotations

import pytest

from federim.model.errors import GateRefused
from federim_federated import flower_internals
from federim_federated.codes import PUBLIC_SENTENCE, GateCode
from federim_federated.flower import Error, Message, RecordDict
from federim_federated.quorum import Quorum

SITES = {2: "alpha", 3: "beta", 4: "gamma"}


@pytest.fixture
def quorum(consortium, plan_name):
    return Quorum(consortium.drafted(plan_name).plan, SITES)


def reply(node: int, said: Error | RecordDict) -> Message:
    with flower_internals.server_identity(run_id=1):
        asked = Message(RecordDict(), dst_node_id=node, message_type="train")
    return Message(said, reply_to=asked)


def refused(code: GateCode) -> Error:
    return Error(code=int(code), reason=PUBLIC_SENTENCE[code])


def test_enough_answers_go_on_and_the_refusal_is_kept(quorum):
    replies = [reply(3, refused(GateCode.EXPIRED)), reply(4, RecordDict()), reply(2, RecordDict())]
    accepted = quorum.accepted(1, "train", replies)
    assert [quorum.site(message) for message in accepted] == ["alpha", "gamma"]
    assert quorum.refused == {"beta": {"train": "EXPIRED"}}


def test_too_few_answers_stop_the_run_and_say_why_site_by_site(quorum):
    with pytest.raises(GateRefused) as stopped:
        quorum.accepted(4, "train", [reply(2, RecordDict()), reply(3, refused(GateCode.REPLY_NORM))])
    assert str(stopped.value) == (
        "round 4, train: 1 of 3 sites answered where the plan asks for 2; "
        "beta: the reply is larger than the plan allows; gamma: no answer in time"
    )


def test_what_flower_says_of_a_crash_is_not_repeated(quorum):
    crash = Error(code=2, reason="ValueError: 'Dupont Jeanne'")
    with pytest.raises(GateRefused) as stopped:
        quorum.accepted(1, "train", [reply(node, crash) for node in SITES])
    assert "Dupont" not in str(stopped.value)
    assert quorum.refused["alpha"] == {"train": "FAILED"}


def test_a_test_that_nobody_can_answer_stops_nothing(quorum):
    too_small = refused(GateCode.COHORT_TOO_SMALL)
    assert quorum.accepted(1, "evaluate", [reply(node, too_small) for node in SITES]) == []
