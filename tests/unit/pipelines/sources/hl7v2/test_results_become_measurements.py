"""What the results of an ORU^R01 become: numbers with unit, operator and limits, codes, counts, refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_messages import NOBODY, Enter, Read, Rows, every_order, message, msh, obr, obx, oru, pid, pv1

from federim_pipelines.items import Outcome, Reason
from federim_pipelines.sources.hl7v2.quantities import limits, measured
from federim_pipelines.worker import Worker

CREATININE = "14682-9^Creatinine^LN"


def tables(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    return [row for record in outcome.records for table, row in record.rows if table == name]


def refused(outcome: Outcome) -> list[tuple[Reason, int | None, str]]:
    return [(refusal.reason, refusal.position, refusal.detail) for refusal in outcome.refusals]


def test_a_number_keeps_its_unit_its_limits_and_the_moment_of_the_specimen(read: Read) -> None:
    told = read(oru(obx(CREATININE, "88", unit="umol/L^micromole per litre^UCUM", limits="45 - 84")))
    [row] = tables(told, "measurement")
    assert (row["measurement_source_value"], row["measurement_source_system"]) == (
        "14682-9",
        "http://loinc.org",
    )
    assert (row["value_source_number"], row["unit_source_value"]) == (88.0, "umol/L")
    assert (row["value_as_number"], row["range_low"], row["range_high"], row["unit"]) == (
        88,
        45,
        84,
        "umol/L",
    )
    [report] = tables(told, "report")
    assert row["report_id"] == report["report_id"]
    assert (report["report_source_value"], report["report_source_system"]) == ("24323-8", "http://loinc.org")
    assert row["measurement_datetime"].time() == dt.time(8, 30)
    assert told.refusals == [] and told.skipped == {}


@pytest.mark.parametrize(
    ("type_", "value", "operator", "number"),
    [
        ("NM", "88", None, 88.0),
        ("NM", "-0.5", None, -0.5),
        ("NM", "13,5", None, 13.5),
        ("SN", "<^5", "<", 5.0),
        ("SN", "^5", None, 5.0),
        ("SN", ">=^100", ">=", 100.0),
        ("ST", "< 5", "<", 5.0),
        ("ST", "≥ 60", ">=", 60.0),
    ],
)
def test_numbers_come_in_several_types(
    read: Read, type_: str, value: str, operator: str | None, number: float
) -> None:
    [row] = tables(read(oru(obx(CREATININE, value, type_=type_, unit="umol/L"))), "measurement")
    assert (row["operator"], row["value_source_number"]) == (operator, number)


@pytest.mark.parametrize(
    ("type_", "value"),
    [("NM", "high"), ("NM", "1,234"), ("NM", "1e5"), ("SN", "^1^:^128"), ("SN", "^1^-^2")],
)
def test_what_is_no_number_is_refused_at_its_line_without_its_value(
    read: Read, type_: str, value: str
) -> None:
    told = read(oru(obx(CREATININE, value, type_=type_, unit="umol/L")))
    assert refused(told) == [(Reason.VALUE_UNUSABLE, 4, f"OBX-5 ({type_})")]


@pytest.mark.parametrize("type_", ["ST", "TX", "FT"])
def test_text_is_counted_and_never_stored(read: Read, type_: str) -> None:
    told = read(
        oru(obx("8251-1^Comment^LN", "SECRET 12", type_=type_), obx(CREATININE, "06 12", type_=type_))
    )
    assert tables(told, "measurement") == [] and told.skipped == {"text": 2}
    assert "SECRET" not in repr([record.rows for record in told.records])


def test_a_coded_result_is_a_measurement_without_number(read: Read) -> None:
    value = "260373001^Detected^SCT^POS^positive^L"
    [row] = tables(read(oru(obx("94500-6^RNA^LN", value, type_="CWE"))), "measurement")
    assert (row["value_source_code"], row["value_as_number"]) == ("260373001", None)


def test_of_several_codes_the_one_of_loinc_counts_and_a_local_one_has_no_system(read: Read) -> None:
    told = read(oru(obx("CREA^Créatinine^L^14682-9^x^LN", "1", unit="umol/L"), obx("XYZ^Local^99LAB", "2")))
    assert [
        (row["measurement_source_value"], row["measurement_source_system"])
        for row in tables(told, "measurement")
    ] == [("14682-9", "http://loinc.org"), ("XYZ", None)]


def test_without_a_code_a_result_is_refused(read: Read) -> None:
    assert refused(read(oru(obx("^taux de créatinine", "88")))) == [(Reason.CODE_MISSING, 4, "OBX-3")]


def test_a_unit_that_does_not_fit_the_code_is_refused(read: Read) -> None:
    [(reason, line, detail)] = refused(read(oru(obx(CREATININE, "88", unit="mm[Hg]"))))
    assert (reason, line) == (Reason.VALUE_UNUSABLE, 4) and "88" not in detail


@pytest.mark.parametrize(
    ("date", "reason"), [("20240230", Reason.DATE_UNUSABLE), ("yesterday", Reason.DATE_UNUSABLE)]
)
def test_a_date_that_is_none_is_refused(read: Read, date: str, reason: Reason) -> None:
    assert refused(read(oru(obx(CREATININE, "88", unit="umol/L", at=date)))) == [(reason, 4, "OBX-14")]


def test_the_specimen_and_when_it_was_taken_come_from_spm(read: Read) -> None:
    spm = "SPM|1|||119297000^Blood^SCT" + "|" * 13 + "202403010700"
    told = read(message(msh("ORU^R01"), pid(), obr(), obx(CREATININE, "88", unit="umol/L"), spm))
    [row] = tables(told, "measurement")
    assert row["specimen_source_value"] == "119297000"
    assert row["measurement_datetime"].time() == dt.time(7)


def test_before_spm_the_specimen_stood_in_the_order(read: Read) -> None:
    order = obr(rest="|" * 8 + "119297000&Blood&SCT")
    [row] = tables(read(oru(obx(CREATININE, "88", unit="umol/L"), order=order)), "measurement")
    assert row["specimen_source_value"] == "119297000"


def test_a_result_bears_the_stay_it_was_made_in(read: Read) -> None:
    told = read(message(msh("ORU^R01"), pid(), pv1("V9"), obr(), obx(CREATININE, "88", unit="umol/L")))
    [row] = tables(told, "measurement")
    [stay] = tables(read(message(msh("ADT^A01"), pid(), pv1("V9", admitted="20240301"))), "visit_occurrence")
    assert row["visit_occurrence_id"] == stay["visit_occurrence_id"]


@pytest.mark.parametrize("status", ["I", "N", "O", "U"])
def test_a_status_without_a_result_makes_none(read: Read, status: str) -> None:
    assert tables(read(oru(obx(CREATININE, "88", unit="umol/L", status=status))), "measurement") == []


def correction(status: str, value: str, *, sent: str) -> bytes:
    return oru(obx(CREATININE, value, unit="umol/L", status=status), sent=sent)


FIRST = correction("P", "80", sent="20240306100000")
FINAL = correction("F", "88", sent="20240306110000")
CORRECTED = correction("C", "89", sent="20240306110000")  # within the same second
WRONG = correction("W", "89", sent="20240306120000")


def test_the_last_version_of_a_result_stands_in_whatever_order_they_are_read(
    enter: Enter, rows: Rows
) -> None:
    enter(every_order(FIRST, FINAL, CORRECTED))
    assert rows("select value_source_number v from measurement") == [{"v": 89.0}] * 6
    assert rows("select reason from quarantine") == []


def test_a_result_posted_as_wrong_is_gone(enter: Enter, rows: Rows) -> None:
    enter(every_order(FIRST, FINAL, WRONG))
    assert rows("select * from measurement") == []


def test_a_correction_of_one_result_leaves_the_others(enter: Enter, rows: Rows) -> None:
    both = oru(
        obx(CREATININE, "88", unit="umol/L"), obx("2951-2^Na^LN", "140", unit="mmol/L"), sent="20240306100000"
    )
    enter([both, CORRECTED])
    assert rows("select value_source_number v from measurement order by v") == [{"v": 89.0}, {"v": 140.0}]


def test_two_patients_with_one_order_number_keep_each_their_result(enter: Enter, rows: Rows) -> None:
    other = pid(NOBODY.replace("IPP-1", "IPP-2"))
    enter([FINAL, oru(obx(CREATININE, "70", unit="umol/L"), sent="20250306110000", patient=other)])
    found = rows("select count(distinct person_id) p, count(distinct measurement_id) n from measurement")
    assert found == [{"p": 2, "n": 2}]


def test_reading_a_message_again_adds_nothing(enter: Enter, rows: Rows, worker: Worker) -> None:
    enter([FINAL, FINAL, FINAL])
    assert rows("select count(*) n from measurement") == [{"n": 1}]
    assert rows("select reason from quarantine") == []


@pytest.mark.parametrize(
    ("text", "low_high"),
    [
        ("3.5-5.0", (3.5, 5.0)),
        ("3,5 - 5,0", (3.5, 5.0)),
        ("[ 3.5 – 5.0 ]", (3.5, 5.0)),
        ("-2 - +2", (-2.0, 2.0)),
        ("<5", (None, 5.0)),
        ("> 60", (60.0, None)),
        ("negative", (None, None)),
        ("5", (None, None)),
        ("", (None, None)),
    ],
)
def test_limits_of_normal_are_read_where_they_are_numbers(
    text: str, low_high: tuple[float | None, float | None]
) -> None:
    assert limits(text) == low_high


@given(st.text(alphabet="0123456789.,<>=+-eE ~", max_size=12))
def test_no_text_is_taken_for_a_number_it_is_not(text: str) -> None:
    told = measured(text)
    if told is not None:
        assert float(text.strip().lstrip("<>=").strip().replace(",", ".")) == told[1]


@pytest.fixture
def study(read: Read) -> Callable[..., list[dict[str, Any]]]:
    def build(*segments: str, order: str) -> list[dict[str, Any]]:
        return tables(read(message(msh("ORU^R01"), pid(), order, *segments)), "report_study")

    return build


IMAGING = obr("ACC-7", "18748-4^CR^LN")


def test_a_report_is_joined_to_its_images_by_uid_and_accession_number(
    study: Callable[..., list[dict[str, Any]]],
) -> None:
    [by_uid] = study(obx("113014^DICOM Study^DCM", "1.2.3.4", type_="ST"), order=IMAGING)
    assert by_uid["StudyInstanceUID"].startswith("2.25.") and by_uid["accession_key"] is not None
    [by_order] = study(obx("8251-1^x^LN", "text", type_="TX"), order=IMAGING)
    assert by_order["StudyInstanceUID"] is None
    assert by_order["accession_key"] == by_uid["accession_key"]
    [by_zds] = study("ZDS|1.2.3.4^PACS^Application^DICOM", order=IMAGING)
    assert by_zds["StudyInstanceUID"] == by_uid["StudyInstanceUID"]
    [by_ipc] = study("IPC|ACC-9^RIS|R1|1.2.3.4", order=IMAGING)
    assert by_ipc["accession_key"] not in (None, by_uid["accession_key"])


def test_a_laboratorys_order_number_is_no_accession_number(
    study: Callable[..., list[dict[str, Any]]],
) -> None:
    assert study(obx(CREATININE, "88", unit="umol/L"), order=obr()) == []


def test_a_finding_on_images_is_an_observation(read: Read) -> None:
    told = read(oru(obx("59776-5^Findings^LN", "254837009^x^SCT", type_="CE"), order=IMAGING))
    [row] = tables(told, "observation")
    assert (row["observation_source_value"], row["value_source_code"]) == ("59776-5", "254837009")
