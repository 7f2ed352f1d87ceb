"""An OMOP model that a site already has, taken over row by row."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_omop import MODEL, as_folder, as_parquet, as_zip

from federim.lake.check import faults
from federim.lake.schema import table
from federim_pipelines.items import Item, Outcome, Reason, Row
from federim_pipelines.sources.omop import reading as omop
from federim_pipelines.worker import Worker

Lake = dict[str, list[Row]]
SNOMED = "http://snomed.info/sct"


def items(path: Path) -> list[Item]:
    if path.is_dir():
        return [Item(source="omop", path=file) for file in sorted(path.iterdir())]
    with zipfile.ZipFile(path) as archive:
        return [Item(source="omop", path=path, member=name) for name in archive.namelist()]


def outcomes(path: Path, worker: Worker) -> list[Outcome]:
    for item in items(path):
        for identity in omop.identities(item):
            worker.exchange.learn(identity)
    pieces = (piece for item in items(path) if omop.claims(item) for piece in omop.spans(item))
    return [omop.read(piece, worker) for piece in pieces]


def lake(told: list[Outcome]) -> Lake:
    found: Lake = {}
    for outcome in told:
        for record in outcome.records:
            for name, row in record.rows:
                found.setdefault(name, []).append(row)
    return found


def refused(told: list[Outcome]) -> list[tuple[Reason, int | None, str]]:
    return [(one.reason, one.position, one.detail) for outcome in told for one in outcome.refusals]


@pytest.fixture
def taken(worker: Worker, tmp_path: Path) -> Lake:
    told = outcomes(as_folder(tmp_path / "cdm"), worker)
    assert refused(told) == []
    return lake(told)


def test_concept_ids_and_source_values_are_taken_over(taken: Lake) -> None:
    [creatinine, local] = taken["measurement"]
    assert creatinine["measurement_concept_id"] == 3016723
    assert creatinine["measurement_source_value"] == "2160-0"
    assert creatinine["measurement_source_system"] == "http://loinc.org"
    assert (local["measurement_source_value"], local["measurement_source_system"]) == ("LOCAL-1", None)
    assert local["value_source_code"] == "52101004"


def test_numbers_come_in_the_canonical_unit_beside_the_sources_own(taken: Lake) -> None:
    result = taken["measurement"][0]
    assert (result["value_as_number"], result["unit"], result["operator"]) == (0.95, "mg/dL", "<")
    assert (result["range_low"], result["range_high"]) == (0.6, 1.2)
    assert (result["value_source_number"], result["unit_source_value"]) == (9.5, "mg/L")


def test_a_source_may_write_a_concepts_code_without_its_dot(taken: Lake) -> None:
    diagnosis = taken["condition_occurrence"][0]
    assert diagnosis["condition_source_value"] == "C341"
    assert diagnosis["condition_source_system"] == "https://smt.esante.gouv.fr/terminologie-cim-10"


def test_an_identifier_in_the_place_of_a_code_never_enters(taken: Lake) -> None:
    """Loaders put the stay's own number where OMOP expects a word: the concept's code stands instead."""
    assert [row["visit_source_value"] for row in taken["visit_occurrence"]] == ["OP", "OP"]
    diagnosis = taken["condition_occurrence"][1]
    assert (diagnosis["condition_source_value"], diagnosis["condition_source_system"]) == ("65363002", SNOMED)
    assert "3528b5de" not in repr(taken)


def test_free_text_never_enters(taken: Lake) -> None:
    [smoking] = taken["observation"]
    assert (smoking["value_as_number"], smoking["value_source_code"]) == (3.0, None)
    assert "Martin" not in repr(taken)


def test_facts_point_to_the_stay_they_were_told_in(taken: Lake) -> None:
    stay = taken["visit_occurrence"][0]
    assert taken["measurement"][0]["visit_occurrence_id"] == stay["visit_occurrence_id"]
    assert taken["measurement"][1]["visit_occurrence_id"] is None


def test_midnight_is_what_loaders_write_where_they_know_the_day_alone(taken: Lake) -> None:
    morning, unknown = taken["measurement"]
    assert morning["measurement_datetime"].time() == dt.time(8, 45)
    assert unknown["measurement_datetime"] is None
    assert unknown["measurement_date"] is not None


def test_persons_bear_sex_and_a_grouped_year_of_birth(taken: Lake) -> None:
    [man, woman] = taken["person"]
    assert (man["gender_concept_id"], man["year_of_birth"]) == (8507, 1961)
    assert (woman["gender_concept_id"], woman["year_of_birth"]) == (8532, 1936)


def test_a_drug_keeps_its_dose(taken: Lake) -> None:
    [drug] = taken["drug_exposure"]
    assert (drug["quantity"], drug["dose_unit_source_value"], drug["drug_concept_id"]) == (500, "mg", 1125315)


def test_every_row_is_what_its_table_declares(taken: Lake) -> None:
    for name, rows in taken.items():
        assert faults(table(name), [dict(row) for row in rows]) == {}


@pytest.mark.parametrize("write", [as_zip, as_parquet])
def test_a_zip_and_parquet_say_what_csv_says(
    open_worker: Callable[..., Worker], tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    worker = open_worker()
    expected = lake(outcomes(as_folder(tmp_path / "csv"), worker))
    assert lake(outcomes(write(tmp_path / "other"), worker)) == expected


def test_parquet_is_cut_into_row_groups_that_keep_their_positions(worker: Worker, tmp_path: Path) -> None:
    item = Item(source="omop", path=as_parquet(tmp_path / "cdm") / "measurement.parquet")
    pieces = list(omop.spans(item))
    assert [(piece.start, piece.end, piece.first_line) for piece in pieces] == [(0, 1, 1), (1, 2, 2)]
    assert [one.position for piece in pieces for one in omop.read(piece, worker).refusals] == [1, 2]


def test_tables_the_lake_has_none_for_are_counted_by_name(worker: Worker, tmp_path: Path) -> None:
    skipped: Counter[str] = Counter()
    for outcome in outcomes(as_folder(tmp_path / "cdm"), worker):
        skipped.update(outcome.skipped)
    assert skipped == {"death": 1}


def test_a_row_about_an_unknown_person_is_refused(worker: Worker, tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "cdm")
    (folder / "PERSON.csv").unlink()
    told = outcomes(folder, worker)
    assert set(refused(told)) >= {(Reason.PATIENT_UNKNOWN, 2, "column person_id")}
    assert lake(told) == {}


@pytest.mark.parametrize(
    ("replaced", "by", "refusal"),
    [
        ("9.5,0", "high,0", (Reason.VALUE_UNUSABLE, 2, "column value_as_number: not a number")),
        ("9.5,0", "inf,0", (Reason.VALUE_UNUSABLE, 2, "column value_as_number: not a number")),
        ("2020-03-05,2020-03-05 08:45:00", "5 mars,", (Reason.DATE_UNUSABLE, 2, "column measurement_date")),
        (",4171756,", ",less,", (Reason.VALUE_UNUSABLE, 2, "column operator_concept_id: not a concept id")),
        ("mg/L,told", "mmol/L,told", (Reason.VALUE_UNUSABLE, 2, None)),
        ("12,2,3016723", "12,,3016723", (Reason.PATIENT_UNKNOWN, 3, None)),
        ("12,2,3016723", ",2,3016723", (Reason.UNREADABLE, 3, None)),
        ("12,2,3016723", "12,3016723", (Reason.UNREADABLE, 3, "15 cells where the header has 16")),
        ("12,2,3016723", '12,"2"x,3016723', (Reason.UNREADABLE, 3, None)),
        (
            "00,0,,4181412",
            "00,0,1_0,4181412",
            (Reason.VALUE_UNUSABLE, 3, "column value_as_number: not a number"),
        ),
        (
            "00,0,,4181412",
            "00,0,٣,4181412",
            (Reason.VALUE_UNUSABLE, 3, "column value_as_number: not a number"),
        ),
        ("LOCAL-1", "given by Mrs Martin", None),
    ],
)
def test_a_damaged_row_is_refused_alone_by_number_and_column(
    worker: Worker, tmp_path: Path, replaced: str, by: str, refusal: Any
) -> None:
    folder = as_folder(tmp_path / "cdm")
    text = MODEL["MEASUREMENT"]
    assert replaced in text
    (folder / "MEASUREMENT.csv").write_text(text.replace(replaced, by))
    told = outcomes(folder, worker)
    if refusal is None:
        # The standard concept still says what was measured.
        assert [row["measurement_source_value"] for row in lake(told)["measurement"]] == ["2160-0"] * 2
        return
    [(reason, position, detail)] = refused(told)
    assert (reason, position) == refusal[:2]
    assert refusal[2] in (None, detail)
    assert len(lake(told)["measurement"]) == 1


def test_a_file_without_its_columns_is_refused_once(worker: Worker, tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "cdm")
    (folder / "OBSERVATION.csv").write_text("observation_id,observation_concept_id\n1,2\n3,4\n")
    assert refused(outcomes(folder, worker)) == [(Reason.UNREADABLE, None, "column person_id is missing")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("person.csv", "IPP;SEX\n1;F\n"),  # a site's own file, of the same name
        ("patients.csv", MODEL["PERSON"]),
        ("person.parquet", "not Parquet"),
        ("person.csv", ""),
    ],
)
def test_a_file_that_only_looks_alike_is_left_to_others(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert not omop.claims(Item(source="omop", path=tmp_path / name))


def test_reading_again_gives_the_same_records(worker: Worker, tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "cdm")
    first, second = ([r for o in outcomes(folder, worker) for r in o.records] for _ in range(2))
    assert [(r.key, r.content) for r in first] == [(r.key, r.content) for r in second]
    assert len({r.key for r in first}) == len(first)


def test_every_file_and_row_of_eunomia_is_accounted_for(worker: Worker, shared_data: Path) -> None:
    path = shared_data / "EunomiaDatasets/datasets/Synthea27Nj/Synthea27Nj_5.4.zip"
    told = outcomes(path, worker)
    assert refused(told) == []
    counts = {name: len(rows) for name, rows in lake(told).items()}
    assert counts == {
        "person": 28,
        "visit_occurrence": 1791,
        "condition_occurrence": 470,
        "procedure_occurrence": 1649,
        "measurement": 10040,
        "observation": 8099,
        "drug_exposure": 883,
    }
    skipped: Counter[str] = Counter()
    for outcome in told:
        skipped.update(outcome.skipped)
    assert skipped == {
        "cdm_source": 1,
        "condition_era": 469,
        "death": 3,
        "device_exposure": 1,
        "observation_period": 28,
        "provider": 67,
        "visit_detail": 1791,
    }
    assert [item.member for item in items(path) if not omop.claims(item)] == ["__MACOSX/._CARE_SITE.csv"]
