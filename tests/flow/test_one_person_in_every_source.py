"""Images, biology and reports of one patient meet in one person, whatever they came in, days moved alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clinical_messages import (
    CREATININE,
    Result,
    Someone,
    admission,
    cda_biology,
    cda_imaging,
    fhir_bundle,
    oru,
)

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.run import ingest

SCAN = dt.datetime(2024, 5, 20, 10, 30)
# CCAM: the same scan of the chest, with and without an injection of contrast medium.
CONTRAST, PLAIN = "ZBQH001", "ZBQK001"

WITHIN_A_WEEK_BEFORE = f"""
SELECT DISTINCT m.person_id, m.value_as_number, m.unit,
    s."StudyDate" - m.measurement_date AS days
FROM measurement AS m
JOIN procedure_occurrence AS p USING (person_id)
JOIN study AS s ON s.person_id = p.person_id AND s."StudyInstanceUID" = p."StudyInstanceUID"
WHERE m.measurement_source_value = '{CREATININE}'
    AND p.procedure_source_value = '{CONTRAST}'
    AND m.measurement_date BETWEEN s."StudyDate" - 7 AND s."StudyDate"
ORDER BY 2
"""


def at(day: int, hour: int = 8, month: int = 5) -> dt.datetime:
    return dt.datetime(2024, month, day, hour)


def asked(home: Home, sql: str) -> list[dict[str, Any]]:
    with connect_home(home) as connection:
        rows: list[dict[str, Any]] = query(connection, sql, seconds=60).to_pylist()
    return rows


@pytest.fixture
def hospital(inbox: Path, write_image: Callable[..., Path]) -> dict[str, Someone]:
    """Four patients and all that four systems know of them, each system by the numbers it has."""
    people = {
        name: Someone.born(1950 + 10 * order, 1 + order, 101 + order)
        for order, name in enumerate(("injected", "once", "plain", "unmeasured"))
    }

    def put(name: str, content: bytes) -> None:
        (inbox / name).write_bytes(content)

    for order, (name, someone) in enumerate(people.items()):
        act, study = (PLAIN if name == "plain" else CONTRAST), f"1.2.826.0.1.3680043.10.999.{order}"
        write_image(
            f"ct/{name}.dcm",
            patient=someone.ipp,
            StudyInstanceUID=study,
            SeriesInstanceUID=f"{study}.1",
            SOPInstanceUID=f"{study}.1.1",
            AccessionNumber=f"ACC{order}",
            StudyDate=f"{SCAN:%Y%m%d}",
            SeriesDate=f"{SCAN:%Y%m%d}",
        )
        put(
            f"radiology-{name}.xml",
            cda_imaging(someone, SCAN, act=act, study=study, accession=f"ACC{order}"),
        )
        put(f"stay-{name}.hl7", admission(someone, at(18), stay=f"S{order}"))
    injected, once, plain, _ = people.values()
    put("ward.json", fhir_bundle(injected, [Result(at(14), 80)]))  # six days before
    put("laboratory.hl7", oru(injected, [Result(at(20, 7), 0.085, "mmol/L")]))  # that morning
    put("city.xml", cda_biology(injected, [Result(at(12), 95)]))  # eight days before
    put("once.xml", cda_biology(once, [Result(at(13), 120)]))  # seven days before
    put("after.hl7", oru(once, [Result(at(21), 130)], order="C-2"))  # the day after
    put("plain.json", fhir_bundle(plain, [Result(at(19), 70)]))
    return people


def test_creatinine_within_a_week_before_a_scan_with_contrast(
    site: Home, inbox: Path, hospital: dict[str, Someone]
) -> None:
    report = ingest(site, [inbox])
    assert (report.quarantined, report.reasons) == (0, {})
    answer = asked(site, WITHIN_A_WEEK_BEFORE)
    # By hand: two of the first patient, 6 days before and the same morning; one of the second, 7 days before.
    assert [(row["value_as_number"], row["unit"], row["days"]) for row in answer] == [
        (80, "umol/L", 6),
        (85, "umol/L", 0),
        (120, "umol/L", 7),
    ]
    assert answer[0]["person_id"] == answer[1]["person_id"] != answer[2]["person_id"]


def test_every_source_tells_of_the_same_four_persons(
    site: Home, inbox: Path, hospital: dict[str, Someone]
) -> None:
    ingest(site, [inbox])
    everyone = {row["person_id"] for row in asked(site, "SELECT person_id FROM person")}
    assert len(everyone) == len(hospital)
    for table in ("study", "report", "visit_occurrence", "procedure_occurrence"):
        rows = asked(site, f"SELECT person_id FROM {table}")
        assert {row["person_id"] for row in rows} == everyone, table
    told = asked(site, "SELECT year_of_birth, gender_concept_id, linked FROM person ORDER BY year_of_birth")
    assert [row["year_of_birth"] for row in told] == [1950, 1960, 1970, 1980]
    assert {(row["gender_concept_id"], row["linked"]) for row in told} == {(8532, True)}


def test_a_report_is_joined_to_its_images_by_study_and_by_accession_number(
    site: Home, inbox: Path, hospital: dict[str, Someone]
) -> None:
    ingest(site, [inbox])
    for key in ('"StudyInstanceUID"', "accession_key"):
        joined = asked(site, f"SELECT * FROM report_study JOIN study USING (person_id, {key})")
        assert len(joined) == len(hospital)


def test_no_day_of_one_person_moves_otherwise_than_another(
    site: Home, inbox: Path, hospital: dict[str, Someone]
) -> None:
    ingest(site, [inbox])
    days = asked(
        site,
        """
        SELECT "StudyDate" - visit_start_date AS stayed, report_date - "StudyDate" AS reported,
            procedure_date - "StudyDate" AS done
        FROM study JOIN visit_occurrence USING (person_id) JOIN procedure_occurrence USING (person_id)
        JOIN report ON report.report_id = procedure_occurrence.report_id
        """,
    )
    assert [tuple(row.values()) for row in days] == [(2, 0, 0)] * len(hospital)


def test_nothing_of_what_names_them_is_in_the_lake(
    site: Home, inbox: Path, hospital: dict[str, Someone], content: Callable[[Home], dict[str, list[str]]]
) -> None:
    ingest(site, [inbox])
    rows = "".join(row for table in content(site).values() for row in table)
    for someone in hospital.values():
        for said in (someone.ins, someone.ipp, someone.family, someone.birth.isoformat(), "Narrative"):
            assert said not in rows
    assert "ACC" not in rows and "1.2.826.0.1.3680043.10.999" not in rows


@pytest.mark.parametrize("last", ["ct", "radiology", "ward", "laboratory"])
def test_whichever_source_comes_last_finds_its_person(
    site: Home, inbox: Path, hospital: dict[str, Someone], tmp_path: Path, last: str
) -> None:
    """Told apart in two runs, whichever system is slow."""
    later = tmp_path / "later"
    later.mkdir()
    for path in sorted(inbox.glob(f"{last}*")):
        path.rename(later / path.name)
    ingest(site, [inbox])
    ingest(site, [later])
    assert [row["value_as_number"] for row in asked(site, WITHIN_A_WEEK_BEFORE)] == [80, 85, 120]
