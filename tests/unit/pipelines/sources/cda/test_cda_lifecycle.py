"""A document is known through its versions, its replacements and its withdrawal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_cda import code, document, observation, quantity

from federim_pipelines.items import LAST, Reason, Record
from federim_pipelines.sources.cda import reading
from federim_pipelines.sources.cda.lifecycle import document_key
from federim_pipelines.worker import Worker

Told = Callable[..., reading.Document]

FIRST = '<id root="1.2.9" extension="a"/><setId root="1.2.8" extension="s"/><versionNumber value="1"/>'
SECOND = '<id root="1.2.9" extension="b"/><setId root="1.2.8" extension="s"/><versionNumber value="2"/>'
ALONE = '<id root="1.2.9" extension="c"/>'


def replaces(parent: str, how: str = "RPLC") -> str:
    return f'<relatedDocument typeCode="{how}"><parentDocument>{parent}</parentDocument></relatedDocument>'


def own(found: reading.Document) -> Record:
    """The record of the document, after that of the person."""
    return next(record for record in found.records if record.version is not None)


def test_versions_of_a_set_are_one_record_and_the_greater_stands(told: Told) -> None:
    first = own(told(document(ids=FIRST)))
    second = own(told(document(ids=SECOND, header=replaces('<id root="1.2.9" extension="a"/>'))))

    assert first.key == second.key
    assert (first.version, second.version) == (1, 2)
    assert first.content != second.content


def test_a_document_without_a_set_is_named_by_its_own_identifier(told: Told, worker: Worker) -> None:
    assert own(told(document(ids=ALONE))).key == document_key(worker.record_key, "1.2.9", "c")


def test_a_document_without_a_number_counts_its_versions_in_seconds(told: Told) -> None:
    bare = document(ids=ALONE).replace(b'<versionNumber value="1"/>', b"")

    assert own(told(bare)).version == 20240105101500


def test_what_a_document_takes_the_place_of_is_withdrawn_for_good(told: Told, worker: Worker) -> None:
    found = told(document(ids=ALONE, header=replaces('<id root="1.2.9" extension="b"/>')))

    *_, withdrawn = found.records
    assert withdrawn.key == document_key(worker.record_key, "1.2.9", "b")
    assert (withdrawn.rows, withdrawn.version) == ((), LAST)


@pytest.mark.parametrize(
    "header",
    [
        replaces('<id root="1.2.9" extension="x"/><setId root="1.2.8" extension="s"/>'),
        replaces('<id root="1.2.9" extension="a"/>', "APND"),
    ],
)
def test_a_set_and_what_is_only_added_to_are_never_withdrawn(told: Told, header: str) -> None:
    assert LAST not in {record.version for record in told(document(ids=SECOND, header=header)).records}


def test_a_deletion_needs_nothing_but_the_name(told: Told) -> None:
    stored = own(told(document(ids=FIRST)))
    found = told(document(ids=SECOND, patient=""), withdrawn=True)

    [record] = found.records
    assert (record.key, record.rows, record.version) == (stored.key, (), LAST)
    assert found.refusals == []


@pytest.mark.parametrize(
    ("flag", "detail"),
    [
        ("R", "confidentialityCode R"),
        ("V", "confidentialityCode V"),
        ("INVISIBLE_PATIENT", "confidentialityCode INVISIBLE_PATIENT"),
        ("TESTUD", "confidentialityCode"),
    ],
)
def test_a_hidden_document_is_refused_and_takes_its_visible_version_away(
    told: Told, flag: str, detail: str
) -> None:
    hidden = f'<confidentialityCode code="N"/><confidentialityCode code="{flag}"/>'
    found = told(document(observation(code("718-7"), quantity("1")), ids=SECOND, confidentiality=hidden))

    assert [(refusal.reason, refusal.detail) for refusal in found.refusals] == [(Reason.CONFIDENTIAL, detail)]
    [record] = found.records
    assert (record.key, record.version, record.rows) == (own(told(document(ids=FIRST))).key, 2, ())


def test_a_message_can_hide_the_document_it_brings(told: Told) -> None:
    found = told(document(ids=FIRST), hidden="MASQUE_PS")

    assert [refusal.detail for refusal in found.refusals] == ["MASQUE_PS"]
    assert [record.rows for record in found.records] == [()]


def test_a_hidden_section_is_left_out_of_a_visible_document(told: Told) -> None:
    result = f"<entry>{observation(code('718-7'), quantity('1'))}</entry>"
    sections = (
        f"<component><section>{result}</section></component>"
        f'<component><section><confidentialityCode code="R"/>{result}</section></component>'
    )
    found = told(document(body=f"<structuredBody>{sections}</structuredBody>"))

    assert found.skipped == {"confidential section": 1}
    assert [name for name, _ in own(found).rows] == ["report", "measurement"]


def test_reading_the_same_again_makes_the_same_records(told: Told) -> None:
    content = document(observation(code("718-7"), quantity("1")), ids=FIRST)

    assert told(content).records == told(content).records
    # Line ends and the order it came in are the carrier's.
    assert own(told(content)).content == own(told(content.replace(b"\n", b"\r\n"))).content


@pytest.mark.parametrize(
    ("ids", "detail"),
    [
        ('<id nullFlavor="NI"/>', "ClinicalDocument/id"),
        (ALONE + '<versionNumber value="deux"/>', "ClinicalDocument/versionNumber"),
        (ALONE + '<versionNumber value="99999999999999999999"/>', "ClinicalDocument/versionNumber"),
    ],
)
def test_a_document_that_cannot_be_told_from_others_is_refused(told: Told, ids: str, detail: str) -> None:
    found = told(document(ids=ids))

    assert found.records == []
    assert [(refusal.reason, refusal.detail) for refusal in found.refusals] == [(Reason.UNREADABLE, detail)]
