"""Admissions, discharges, consents and merges: ADT messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from made_messages import NOBODY, TEST_INS, Enter, Read, Rows, every_order, message, msh, pid, pv1

from federim.model.identifiers import IdentityStatus, Merge, PatientIdentity, Sex
from federim_pipelines.items import Item, Reason
from federim_pipelines.sources.hl7v2 import reading
from federim_pipelines.worker import Worker

IN, OUT = "20240306110000", "20240309102840"


def adt(event: str, *segments: str, sent: str = "20240306111154") -> bytes:
    return message(msh(f"ADT^{event}", sent), f"EVN||{sent}", pid(), *segments)


ADMITTED = adt("A01", pv1(admitted=IN))
LEFT = adt("A03", pv1(admitted=IN, left=OUT))
NOT_ADMITTED = adt("A11", pv1(), sent="20240306120000")
STILL_HERE = adt("A13", pv1(admitted=IN, left=OUT), sent="20240309110000")

STAY = (
    "select visit_source_value c, epoch(visit_end_datetime) - epoch(visit_start_datetime) d"
    " from visit_occurrence"
)
LENGTH = (dt.datetime(2024, 3, 9, 10, 28, 40) - dt.datetime(2024, 3, 6, 11)).total_seconds()


def test_a_stay_begins_and_ends_in_whatever_order_it_is_told(enter: Enter, rows: Rows) -> None:
    enter(every_order(ADMITTED, LEFT))
    assert rows(STAY) == [{"c": "I", "d": LENGTH}] * 2


def test_a_cancelled_discharge_leaves_the_stay_open(enter: Enter, rows: Rows) -> None:
    enter(every_order(ADMITTED, LEFT, STILL_HERE))
    assert rows(STAY) == [{"c": "I", "d": None}] * 6


def test_a_cancelled_admission_was_no_stay(enter: Enter, rows: Rows) -> None:
    enter(every_order(ADMITTED, NOT_ADMITTED))
    assert rows(STAY) == []


def test_where_the_segment_of_the_stay_has_no_dates_the_movement_tells_them(enter: Enter, rows: Rows) -> None:
    enter([adt("A01", pv1(), f"ZBE|1|{IN}"), adt("A03", pv1(), f"ZBE|2|{IN}|{OUT}")])
    assert rows(STAY) == [{"c": "I", "d": LENGTH}]


def test_a_discharge_that_does_not_say_when_the_stay_began_does_not_forget_it(
    enter: Enter, rows: Rows
) -> None:
    enter([ADMITTED, adt("A03", pv1(left=OUT))])
    assert rows(STAY) == [{"c": "I", "d": None}]
    assert rows("select reason, detail from quarantine") == [
        {"reason": Reason.DATE_UNUSABLE.value, "detail": "PV1-44 of a discharge"}
    ]


def test_an_update_without_dates_leaves_the_stay_as_it_is(enter: Enter, rows: Rows) -> None:
    enter([LEFT, adt("A08", pv1(), sent="20240401")])
    assert rows(STAY) == [{"c": "I", "d": LENGTH}]


@pytest.mark.parametrize("stay", [pv1("", admitted=IN), pv1(class_="N", admitted=IN), "NTE|1"])
def test_without_a_number_or_a_class_there_is_no_stay(read: Read, stay: str) -> None:
    told = read(adt("A01", stay))
    assert told.skipped == {"without-stay": 1} and len(told.records) == 1


@pytest.mark.parametrize("event", ["A28", "A31", "A08"])
def test_a_person_is_known_without_a_stay(enter: Enter, rows: Rows, event: str) -> None:
    enter([message(msh(f"ADT^{event}"), pid())])
    assert rows("select year_of_birth y, gender_concept_id g from person") == [{"y": 1961, "g": 8532}]


def test_a_persons_row_is_filled_from_whoever_tells_more(enter: Enter, rows: Rows) -> None:
    enter([message(msh("ADT^A28"), pid(birth="", sex="")), message(msh("ADT^A31"), pid())])
    assert rows("select year_of_birth y, gender_concept_id g from person") == [{"y": 1961, "g": 8532}]
    assert rows("select reason from quarantine") == []


CONSENTS = ("ZFA|ACTIF|20240306|||||||INO|20240306|INC|20240307", "ZFD|||Y|N|INSI")


def test_consents_are_observations_by_segment_and_field(read: Read) -> None:
    told = read(adt("A31", *CONSENTS))
    found = {
        row["observation_source_value"]: row["value_source_code"]
        for record in told.records
        for table, row in record.rows
        if table == "observation"
    }
    assert found == {"ZFA-9": "INO", "ZFA-11": "INC", "ZFD-3": "Y"}


def test_a_consent_given_again_another_day_is_another_and_repeated_is_none(enter: Enter, rows: Rows) -> None:
    later = CONSENTS[0].replace("INC|20240307", "IC|20240601")
    enter([adt("A31", CONSENTS[0]), adt("A08", CONSENTS[0], sent="2025"), adt("A31", later, sent="20240602")])
    told = rows(
        "select value_source_code v from observation where observation_source_value = 'ZFA-11' order by all"
    )
    assert [row["v"] for row in told] == ["IC", "INC"]


@pytest.fixture
def identities(write_file: Callable[..., Item]) -> Callable[[bytes], list[PatientIdentity | Merge]]:
    def build(content: bytes) -> list[PatientIdentity | Merge]:
        return list(reading.identities(write_file("who.hl7", content, source=reading.KIND)))

    return build


Identities = Callable[[bytes], list[PatientIdentity | Merge]]


def test_who_a_message_is_about_is_known_before_it_is_read(identities: Identities) -> None:
    [found] = identities(message(msh("ADT^A28"), pid(f"{NOBODY}~255019900100114^^^{TEST_INS}^INS")))
    assert isinstance(found, PatientIdentity)
    assert [(each.issuer, each.value) for each in found.local] == [("", "IPP-1")]
    assert found.national is not None
    assert (found.national.oid, found.national.status) == (
        "1.2.250.1.213.1.4.10",
        IdentityStatus.QUALIFIED,
    )
    assert (found.birth_date, found.sex) == (dt.date(1961, 4, 9), Sex.FEMALE)


def test_an_identifier_whose_time_is_over_is_not_the_persons_any_more(identities: Identities) -> None:
    [found] = identities(
        message(msh("ADT^A28"), pid(f"{NOBODY}~OLD^^^CHU&1.2.250.1.999&ISO^PI^^2019^20200101"))
    )
    assert isinstance(found, PatientIdentity) and [each.value for each in found.local] == ["IPP-1"]


@pytest.mark.parametrize(
    ("birth", "told"), [("1961", None), ("19610000", None), ("196104", dt.date(1961, 4, 1))]
)
def test_a_birth_told_in_part_is_held_against_the_ins_as_far_as_it_goes(
    identities: Identities, birth: str, told: dt.date | None
) -> None:
    [found] = identities(message(msh("ADT^A28"), pid(birth=birth)))
    assert isinstance(found, PatientIdentity) and found.birth_date == told


def test_a_birth_date_that_is_none_is_refused_with_its_message(read: Read) -> None:
    told = read(message(msh("ADT^A28"), pid(birth="unknown")))
    assert [(each.reason, each.position, each.detail) for each in told.refusals] == [
        (Reason.DATE_UNUSABLE, 1, "PID-7")
    ]
    assert told.records == []


A40 = message(msh("ADT^A40"), pid(), f"MRG|{NOBODY.replace('IPP-1', 'IPP-2')}")


def test_a_merge_tells_who_stays_and_who_goes(identities: Identities) -> None:
    [_, merge] = identities(A40)
    assert isinstance(merge, Merge)
    assert [each.value for each in merge.survivor.local] == ["IPP-1"]
    assert [each.value for each in merge.retired.local] == ["IPP-2"]


def test_a_merge_that_was_done_is_counted_and_one_that_was_not_is_refused(worker: Worker, read: Read) -> None:
    other = message(msh("ADT^A28"), pid(NOBODY.replace("IPP-1", "IPP-2")))
    read(other, "other.hl7")
    [refusal] = read(A40).refusals
    assert (refusal.reason, refusal.detail) == (Reason.IDENTITY_REFUSED, "PID-3 and MRG-1")


def test_a_merge_without_who_goes_is_refused(read: Read) -> None:
    [refusal] = read(message(msh("ADT^A40"), pid(), "MRG|")).refusals
    assert refusal.reason is Reason.PATIENT_UNKNOWN


def test_a_message_about_nobody_is_refused_and_the_others_of_its_file_are_read(read: Read) -> None:
    told = read(message(msh("ADT^A28"), "PID|1||^^^CHU") + message(msh("ADT^A28"), pid()))
    assert [(each.reason, each.position, each.detail) for each in told.refusals] == [
        (Reason.PATIENT_UNKNOWN, 1, "PID-3")
    ]
    assert len(told.records) == 1


@pytest.mark.parametrize(("kind", "word"), [("ACK", "ACK"), ("SIU^S12", "SIU"), ("DUPONT^X", "other")])
def test_a_message_of_another_kind_is_counted_by_a_word_of_ours(read: Read, kind: str, word: str) -> None:
    assert read(message(msh(kind), "MSA|AA|1")).skipped == {word: 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"OBX|1|NM|x||1\r", Reason.UNREADABLE),
        (b"\r\n\r\n", Reason.EMPTY),
        (b"FHS|^~\\&\rFTS|0\r", Reason.EMPTY),
    ],
)
def test_a_file_without_a_message_is_refused(read: Read, content: bytes, reason: Reason) -> None:
    assert [each.reason for each in read(content).refusals] == [reason]
