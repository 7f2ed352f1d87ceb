"""Every public French document at hand is accounted for, and gives the values a person reads in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_cda import rows_of

from federim_pipelines.items import Item, Outcome, Reason
from federim_pipelines.sources.cda import reading
from federim_pipelines.worker import Worker

Read = Callable[[str], Outcome]


@pytest.fixture
def read(shared_data: Path, open_worker: Callable[..., Worker]) -> Read:
    """Read one of the shared documents, whose INS is of the test authority."""
    worker = open_worker(test_identities=True)
    return lambda name: reading.read(Item(source="cda", path=shared_data / name), worker)


# What is in each, counted in the XML by hand: statements that make rows, and what else there is.
ACCOUNT = {
    "AVC-EUNV_2022.01.xml": (
        {"measurement": 44, "observation": 14, "condition_occurrence": 8, "procedure_occurrence": 15},
        {"negated": 2, "text": 2},
        [],
    ),
    "BIO-CR-BIO_2021.01_Auto-Presentable.xml": ({"measurement": 11}, {}, []),
    "BIO-CR-BIO_2021.01_Auto-Presentable_avec-image.xml": (
        {"measurement": 14, "procedure_occurrence": 1},
        {"observationMedia": 2, "text": 1},
        [],
    ),
    "BIO-CR-BIO_2021.01_CDA-R2-Niveau-1.xml": ({}, {}, []),
    "BIO-CR-BIO_2021.01_CR-2nde-intention.xml": ({"measurement": 1}, {"observationMedia": 1, "text": 1}, []),
    # A platelet distribution width, which LOINC 32207-3 has in fL, is given in %.
    "BIO-CR-BIO_2021.01_Electrophorese.xml": (
        {"measurement": 39, "procedure_occurrence": 2},
        {"observationMedia": 1, "earlier result": 20, "text": 4},
        [Reason.VALUE_UNUSABLE],
    ),
    "BIO-CR-BIO_2021.01_Microbiologie_V1.xml": (
        {"measurement": 10, "procedure_occurrence": 1},
        {"text": 4},
        [],
    ),
}


def test_every_document_is_accounted_for(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "ansforge-CDA").iterdir()} == ACCOUNT.keys()


@pytest.mark.parametrize("name", ACCOUNT)
def test_every_statement_is_a_row_a_count_or_a_refusal(read: Read, name: str) -> None:
    rows, skipped, refused = ACCOUNT[name]
    outcome = read(f"ansforge-CDA/{name}")

    tables = {table for record in outcome.records for table, _ in record.rows} - {"person", "report"}
    assert {table: len(rows_of(outcome.records, table)) for table in tables} == rows
    assert outcome.skipped == skipped
    assert [refusal.reason for refusal in outcome.refusals] == refused
    assert len(rows_of(outcome.records, "report")) == len(rows_of(outcome.records, "person")) == 1


@pytest.mark.parametrize(
    ("document", "code", "expected"),
    [
        ("AVC-EUNV_2022.01", "14682-9", (None, 75, "umol/L", None, None)),
        ("AVC-EUNV_2022.01", "72089-6", (None, 4, None, None, None)),
        ("AVC-EUNV_2022.01", "6301-6", (None, 0.94, None, None, None)),
        ("BIO-CR-BIO_2021.01_Auto-Presentable", "1988-5", ("<", 1.0, "mg/L", None, 5.0)),
        ("BIO-CR-BIO_2021.01_Auto-Presentable", "3024-7", (None, 7.67, "pg/mL", 9.3, 17.0)),
        ("BIO-CR-BIO_2021.01_Electrophorese", "2865-4", (None, 3.8, "g/L", 0.8, 3.2)),
        ("BIO-CR-BIO_2021.01_Electrophorese", "22664-7", (None, 10.02, "mmol/L", 3.5, 8)),
        ("BIO-CR-BIO_2021.01_Electrophorese", "6690-2", (None, 8.2, "10*9/L", 5, 10)),
        ("BIO-CR-BIO_2021.01_Microbiologie_V1", "30405-5", (None, 500, "/mL", None, None)),
        ("BIO-CR-BIO_2021.01_Microbiologie_V1", "20-8", (">=", 0.512, "ug/mL", None, None)),
    ],
)
def test_a_value_is_what_a_person_reads_in_the_document(
    read: Read, document: str, code: str, expected: tuple[object, ...]
) -> None:
    rows = rows_of(read(f"ansforge-CDA/{document}.xml").records, "measurement")
    row = next(row for row in rows if row["measurement_source_value"] == code)

    columns = ("operator", "value_source_number", "unit_source_value")
    assert tuple(row[column] for column in columns) == expected[:3]
    # Limits are moved to the canonical unit together with the number.
    ratio = 1 if not row["value_source_number"] else row["value_as_number"] / row["value_source_number"]
    limits = [None if limit is None else pytest.approx(limit * ratio) for limit in expected[3:]]  # type: ignore[operator]
    assert [row["range_low"], row["range_high"]] == limits


def test_an_antibiogram_says_of_which_germ_it_is_and_what_it_means(read: Read) -> None:
    rows = rows_of(read("ansforge-CDA/BIO-CR-BIO_2021.01_Microbiologie_V1.xml").records, "measurement")
    amoxicillin = [row for row in rows if row["measurement_source_value"] == "20-8"]

    assert [(row["specimen_source_value"], row["value_source_code"]) for row in amoxicillin] == [
        ("112283007", "R"),
        ("58800005", "S"),
    ]


def test_a_stroke_unit_tells_diagnoses_and_denies_two(read: Read) -> None:
    outcome = read("ansforge-CDA/AVC-EUNV_2022.01.xml")

    diagnoses = [row["condition_source_value"] for row in rows_of(outcome.records, "condition_occurrence")]
    assert diagnoses == ["R56.8", "I26", "I80.2", "I82.9", "N39.0", "K92.2", "F32.9", "I50.9"]
    acts = [row["procedure_source_value"] for row in rows_of(outcome.records, "procedure_occurrence")]
    assert acts[:4] == ["30954-2", "EAQM004", "EAQM002", "ACQN001"]


def test_the_report_of_a_drimbox_is_joined_to_its_study_and_its_accession_number(read: Read) -> None:
    outcome = read("drimbox/DOC00002.xml")

    [join] = rows_of(outcome.records, "report_study")
    assert join["StudyInstanceUID"].startswith("2.25.")
    assert join["accession_key"] is not None
    assert (outcome.refusals, outcome.skipped) == ([], {})
