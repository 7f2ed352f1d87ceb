"""Real exports: Synthea's bundles and bulk lines, and the eICU demonstration as four sites."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from federim.home import Home
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest

Content = dict[str, list[str]]
EICU = Path(__file__).with_name("eicu.toml")


def resources(folder: Path) -> list[dict[str, Any]]:
    """Every resource under a folder of bundles."""
    bundles = [json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))]
    return [entry["resource"] for bundle in bundles for entry in bundle["entry"]]


def test_bundles_of_synthea(site: Home, shared_data: Path, content: Callable[[Home], Content]) -> None:
    folder = shared_data / "ms-fhir-r4"
    told = resources(folder)
    kinds = Counter(resource["resourceType"] for resource in told)
    report = ingest(site, [folder])
    # Two of the files speak of hospitals and their staff alone.
    assert (report.read, report.accepted, report.quarantined) == (8, 6, 2)
    assert report.reasons == {Reason.NOT_SUPPORTED: 2}
    assert report.records.read == len(told)
    assert report.rows["person"] == kinds["Patient"]
    assert report.rows["condition_occurrence"] == kinds["Condition"]
    assert report.rows["procedure_occurrence"] == kinds["Procedure"] + kinds["ImagingStudy"]
    assert report.rows["visit_occurrence"] == kinds["Encounter"]
    assert report.rows["report"] == kinds["DiagnosticReport"]
    values = sum(
        len(resource.get("component", ())) or 1
        for resource in told
        if resource["resourceType"] == "Observation"
    )
    assert report.rows["measurement"] + report.rows["observation"] == values
    lake = content(site)
    measured = [json.loads(row) for row in lake["measurement"]]
    stays = {json.loads(row)["visit_occurrence_id"] for row in lake["visit_occurrence"]}
    assert {row["visit_occurrence_id"] for row in measured} <= stays
    # A report of the laboratory names its results, and they it.
    named = {
        result["reference"]
        for resource in told
        if resource["resourceType"] == "DiagnosticReport"
        for result in resource.get("result", ())
    }
    assert sum(row["report_id"] is not None for row in measured) == len(named)
    # Nothing that says who they are came with them.
    rows = "".join(row for table in lake.values() for row in table)
    patients = [resource for resource in told if resource["resourceType"] == "Patient"]
    for patient in patients:
        name, address = patient["name"][0], patient["address"][0]
        for said in (name["family"], *name["given"], patient["id"], patient["birthDate"], address["city"]):
            assert said not in rows


def test_bulk_lines_of_synthea(site: Home, shared_data: Path) -> None:
    folder = shared_data / "synthea-smart10"
    counted = {path.name: path.read_bytes().count(b"\n") for path in folder.iterdir()}
    report = ingest(site, [folder])
    assert report.records.read == sum(counted.values())
    assert report.rows["person"] == counted["Patient.000.ndjson"]
    assert report.rows["condition_occurrence"] == counted["Condition.000.ndjson"]
    assert report.rows["visit_occurrence"] == counted["Encounter.000.ndjson"]
    assert report.skipped == {"DocumentReference": counted["DocumentReference.000.ndjson"]}
    assert (report.accepted, report.reasons) == (3, {Reason.NOT_SUPPORTED: 1})


@pytest.fixture
def regions(shared_data: Path, tmp_path: Path) -> dict[str, Path]:
    """The stays of the eICU demonstration, a folder a region."""
    source = shared_data / "eicu-demo-2.0"
    with (source / "hospital.csv").open(newline="") as file:
        region = {row["hospitalid"]: row["region"] or "unknown" for row in csv.DictReader(file)}
    with (source / "patient.csv").open(newline="") as file:
        where = {row["patientunitstayid"]: region[row["hospitalid"]] for row in csv.DictReader(file)}
    found = {name: tmp_path / "regions" / name for name in sorted(set(where.values()))}
    for folder in found.values():
        folder.mkdir(parents=True)
    for name in ("patient.csv", "apacheapsvar.csv"):
        with (source / name).open(newline="") as file:
            rows = csv.reader(file)
            header = next(rows)
            stay = header.index("patientunitstayid")
            by_region: dict[str, list[list[str]]] = {each: [header] for each in found}
            for row in rows:
                by_region[where[row[stay]]].append(row)
        for each, kept in by_region.items():
            with (found[each] / name).open("w", newline="") as file:
                csv.writer(file).writerows(kept)
    return found


def test_each_region_of_eicu_is_a_site(
    make_home: Callable[..., Home], regions: dict[str, Path], content: Callable[[Home], Content]
) -> None:
    rows: Counter[str] = Counter()
    for name, folder in regions.items():
        report = ingest(make_home(name.lower()), [folder], mapping=EICU)
        assert (report.read, report.accepted, report.quarantined) == (2, 2, 0)
        assert not report.reasons
        rows.update(report.rows)
    # Of 1,821 stays 22 do not say how they ended; the values are those of apacheapsvar that are not -1,
    # `meds` apart, which is no measurement.
    assert rows == {"person": 1821, "observation": 1799, "measurement": 26_014}


def test_ages_of_eicu_become_years_of_birth_and_dates_are_not_invented(
    site: Home, regions: dict[str, Path], content: Callable[[Home], Content]
) -> None:
    ingest(site, [regions["Northeast"]], mapping=EICU)
    lake = content(site)
    earliest = dt.datetime.now(dt.UTC).year - 90
    with (regions["Northeast"] / "patient.csv").open(newline="") as file:
        told = [(int(row["hospitaldischargeyear"]), row["age"]) for row in csv.DictReader(file)]
    expected = Counter(
        max(earliest, year - (90 if age == "> 89" else int(age))) if age else None for year, age in told
    )
    assert Counter(json.loads(row)["year_of_birth"] for row in lake["person"]) == expected
    assert expected[earliest] > 1
    assert all(json.loads(row)["measurement_date"] is None for row in lake["measurement"])
