"""Whatever a message has become on its way, it is read or refused, and says nothing in passing."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_messages import enclosed, message, msh, obr, obx, pid, pv1

from federim_pipelines.items import Item
from federim_pipelines.sources.hl7v2 import reading
from federim_pipelines.worker import Worker

WHOLE = message(
    msh("ORU^R01"),
    pid("SECRETIPP^^^CHU^PI", birth="19610409"),
    pv1("SECRETSTAY"),
    "ORC|RE|SECRETORDER|SECRETFILLER",
    obr("SECRETFILLER"),
    obx("14682-9^SECRETNAME^LN", "88", unit="umol/L"),
    obx("8251-1^x^LN", "SECRETTEXT", type_="TX"),
    enclosed(b"<ClinicalDocument xmlns='urn:hl7-org:v3'>SECRETNARRATIVE</ClinicalDocument>"),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damage_is_refused_without_a_word_of_the_message(
    worker: Worker, write_file: Callable[..., Item], data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(begin, min(len(WHOLE), begin + 60)))
    put = data.draw(st.one_of(st.binary(max_size=8), st.sampled_from([b"|", b"^", b"\\", b"\r", b"~"])))
    item = write_file("damaged.hl7", WHOLE[:begin] + put + WHOLE[end:], source=reading.KIND)
    list(reading.identities(item))
    told = reading.read(item, worker)
    assert told.records or told.refusals or told.skipped
    assert "SECRET" not in repr(told.refusals) + repr(told.skipped)
    kept = repr([record.rows for record in told.records])
    assert not any(word in kept for word in ("SECRETIPP", "SECRETTEXT", "SECRETNAME", "SECRETNARRATIVE"))
