"""One result, told by five sources, is the same row but for its names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clinical_messages import Result, Someone, cda_biology, fhir_bundle, oru

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.run import ingest

SOMEONE = Someone.born(1959, 7, 12)
LATE = dt.datetime(2024, 6, 1, 23, 45)  # in summer, where UTC still has the same day and winter time the next
MAPPING = """
[[file]]
pattern = "results.csv"
delimiter = ";"
decimal = ","
id = ["n"]
[file.person]
key = "IPP"
registers = true
[file.date]
column = "DAY"
[[file.measurement]]
column = "RESULT"
code_column = "LOINC"
system = "LOINC"
unit_column = "UNIT"
"""
CREATININE, GLUCOSE, POTASSIUM, URINE_PROTEIN = "14682-9", "2339-0", "2823-3", "21482-5"
COLUMNS = "measurement_source_value, measurement_source_system, value_as_number, operator, unit, "
COLUMNS += "value_source_number, unit_source_value, measurement_datetime::time AS clock"


def as_csv(result: Result) -> str:
    number = str(result.number).replace(".", ",")
    row = f"1;F1;{result.at.isoformat()}+02:00;{number};{result.code};{result.unit}"
    return f"n;IPP;DAY;RESULT;LOINC;UNIT\n{row}\n"


def put_omop(folder: Path, result: Result) -> None:
    folder.mkdir()
    (folder / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n1,8532,1959\n")
    (folder / "concept.csv").write_text(
        f"concept_id,vocabulary_id,concept_code,standard_concept\n2,LOINC,{result.code},S\n"
    )
    (folder / "measurement.csv").write_text(
        "measurement_id,person_id,measurement_concept_id,measurement_source_concept_id,"
        "measurement_source_value,measurement_date,measurement_datetime,value_as_number,unit_source_value\n"
        f"1,1,2,2,{result.code},{result.at.date()},{result.at.isoformat(sep=' ')},{result.number},"
        f"{result.unit}\n"
    )


@pytest.mark.parametrize(
    ("number", "unit", "code", "expected", "canonical"),
    [
        (80.5, "umol/L", CREATININE, 80.5, "umol/L"),
        (0.0805, "mmol/l", CREATININE, 80.5, "umol/L"),
        (80.5, "µmol/l", CREATININE, 80.5, "umol/L"),
        (0.95, "g/L", GLUCOSE, 95.0, "mg/dL"),
        (-0.25, "mmol/L", POTASSIUM, -0.25, "mmol/L"),
        (4.125e-05, "mol/L", POTASSIUM, 0.04125, "mmol/L"),
        (0.75, "g/24 h", URINE_PROTEIN, 0.75, "g/d"),  # a unit that laboratories write with a blank
    ],
)
def test_a_result_is_the_same_row_whoever_tells_it(
    make_home: Callable[..., Home],
    tmp_path: Path,
    number: float,
    unit: str,
    code: str,
    expected: float,
    canonical: str,
) -> None:
    result = Result(LATE, number, unit, code)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    told: list[dict[str, Any]] = []
    for source in ("fhir", "hl7v2", "cda", "csv", "omop"):
        home, inbox = make_home(source), tmp_path / f"in-{source}"
        inbox.mkdir()
        if source == "fhir":
            (inbox / "a.json").write_bytes(fhir_bundle(SOMEONE, [result]))
        elif source == "hl7v2":
            if "e" in str(number):
                continue  # HL7 v2.5, 2.A.46: an NM has no exponent
            (inbox / "a.hl7").write_bytes(oru(SOMEONE, [result]))
        elif source == "cda":
            (inbox / "a.xml").write_bytes(cda_biology(SOMEONE, [result]))
        elif source == "csv":
            (inbox / "results.csv").write_text(as_csv(result))
        else:
            put_omop(inbox / "omop", result)
        report = ingest(home, [inbox], mapping=tmp_path / "mapping.toml")
        assert report.rows["measurement"] == 1, (source, report.reasons)
        with connect_home(home) as connection:
            told += query(connection, f"SELECT {COLUMNS} FROM measurement", seconds=60).to_pylist()
    assert all(row == told[0] for row in told)
    assert (told[0]["value_as_number"], told[0]["unit"]) == (expected, canonical)
    assert (told[0]["value_source_number"], told[0]["clock"]) == (number, LATE.time())
