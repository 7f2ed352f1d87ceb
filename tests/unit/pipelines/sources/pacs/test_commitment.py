"""A sender hears which of its images are safe: in the spool, in the lake, or nowhere."""

from __future__ import annotations

import threading

import pytest
from pacs_calls import Call, Listen
from pydicom import Dataset, FileDataset
from pydicom.uid import UID, generate_uid
from pynetdicom import evt
from pynetdicom.sop_class import StorageCommitmentPushModel as PushModel
from pynetdicom.sop_class import StorageCommitmentPushModelInstance as WellKnown

from federim.home import Home
from federim_pipelines.sources.pacs import commitment
from federim_pipelines.sources.pacs.commitment import Commitment, report_of
from federim_pipelines.sources.pacs.incoming import instance_name
from federim_pipelines.spool import Spool

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"


def reference(sop_class: str, instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = UID(sop_class), UID(instance)
    return item


def request(*references: Dataset) -> Dataset:
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = list(references)
    return asked


def test_the_report_says_of_each_instance_whether_it_is_safe() -> None:
    here, gone = (CT_CLASS, "1.2.3"), (CT_CLASS, "1.2.4")
    report = report_of("2.25.1", [here, gone], {here})
    assert report.TransactionUID == "2.25.1"
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == ["1.2.3"]
    assert [item.ReferencedSOPInstanceUID for item in report.FailedSOPSequence] == ["1.2.4"]
    assert [item.FailureReason for item in report.FailedSOPSequence] == [0x0112]


def test_an_instance_is_safe_wherever_it_got_to(site: Home, ct: FileDataset) -> None:
    spool = Spool(site, "dicom")
    answering = Commitment(site, spool, "FEDERIM", (), None)
    wanted = (CT_CLASS, str(ct.SOPInstanceUID))
    other = (CT_CLASS, "1.2.3")
    assert answering.held([wanted, other]) == set()
    with spool.writing(instance_name(spool, wanted[1]) + "0" * 32) as file:
        ct.save_as(file)
    assert answering.held([wanted, other]) == {wanted}
    assert spool.drain() is not None
    assert spool.waiting == []
    assert answering.held([wanted, other]) == {wanted}


@pytest.mark.parametrize(("stored", "event_type"), [(True, 1), (False, 2)])
def test_who_is_not_known_is_told_on_its_own_association(
    site: Home, listen: Listen, call: Call, ct: FileDataset, stored: bool, event_type: int
) -> None:
    heard: list[tuple[int, Dataset]] = []
    told = threading.Event()

    def hear(event: evt.Event) -> tuple[int, None]:
        heard.append((event.request.EventTypeID, event.event_information))
        told.set()
        return 0x0000, None

    with (
        listen(Spool(site, "dicom")) as port,
        call(port, PushModel, CT_CLASS, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hear)]) as association,
    ):
        if stored:
            association.send_c_store(ct)
        asked = request(reference(CT_CLASS, ct.SOPInstanceUID))
        status, _ = association.send_n_action(asked, 1, PushModel, WellKnown)
        assert status.Status == 0x0000
        assert told.wait(30)
    ((kind, report),) = heard
    assert kind == event_type
    assert report.TransactionUID == asked.TransactionUID
    assert ("ReferencedSOPSequence" in report) is stored


@pytest.mark.parametrize(
    ("action", "asked", "status"),
    [(2, request(reference(CT_CLASS, "1.2.3")), 0x0123), (1, reference(CT_CLASS, "1.2.3"), 0x0115)],
    ids=["another action", "without a list"],
)
def test_what_cannot_be_done_is_refused_at_once(
    site: Home, listen: Listen, call: Call, action: int, asked: Dataset, status: int
) -> None:
    with listen(Spool(site, "dicom")) as port, call(port, PushModel) as association:
        answer, _ = association.send_n_action(asked, action, PushModel, WellKnown)
        assert answer.Status == status


def test_a_sender_that_is_not_told_yet_keeps_nobody_from_stopping(
    site: Home, listen: Listen, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commitment, "PAUSES", (86_400.0,))
    with listen(Spool(site, "dicom")) as port, call(port, PushModel) as association:
        status, _ = association.send_n_action(request(reference(CT_CLASS, "1.2.3")), 1, PushModel, WellKnown)
        assert status.Status == 0x0000
