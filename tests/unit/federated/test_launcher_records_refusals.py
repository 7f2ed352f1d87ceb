"""Whatever a site refuses is in its audit trail, however the message was made."""

from __future__ import annotations

import pytest

from federim.audit import trail
from federim_federated.codes import GateCode
from federim_federated.flower import RecordDict
from federim_federated.launcher import Launcher


@pytest.mark.parametrize("message_type", ["train", "query." + "a" * 200])
def test_a_refusal_leaves_an_event(consortium, plan_name, alpha, message_type):
    known = consortium.train_message(consortium.agreed(plan_name))
    sent = consortium.message(RecordDict() if message_type == "train" else known.content, message_type)
    before = len(trail.events(alpha))

    reply = Launcher(alpha).answer(sent)

    assert reply.error.code == (GateCode.PLAN_UNKNOWN if message_type == "train" else GateCode.MESSAGE_TYPE)
    [event] = trail.events(alpha)[: len(trail.events(alpha)) - before]
    assert event.act == "federated.refuse"
    assert event.detail["message"] == message_type[:80]
