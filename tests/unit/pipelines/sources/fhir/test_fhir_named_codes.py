"""Drugs and specimens that other resources mention by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from federim.home import Home
from federim_pipelines.items import Item, Reason
from federim_pipelines.run import ingest
from federim_pipelines.sources.fhir import reading
from federim_pipelines.sources.fhir.named_codes import NamedCodes
from federim_pipelines.worker import Worker

Resource = dict[str, Any]
MakeResource = Callable[..., Resource]
WriteFile = Callable[..., Item]

UCD = "https://smt.esante.gouv.fr/terminologie-ucd"
MEDICATION = {
    "resourceType": "Medication",
    "id": "m1",
    "code": {"coding": [{"system": UCD, "code": "9000460"}], "text": "made for Mrs Martin"},
}
SPECIMEN = {
    "resourceType": "Specimen",
    "id": "s1",
    "type": {"coding": [{"system": "http://snomed.info/sct", "code": "119364003"}]},
    "subject": {"reference": "Patient/p1"},
}
GIVEN = {
    "resourceType": "MedicationAdministration",
    "id": "a1",
    "status": "completed",
    "subject": {"reference": "Patient/p1"},
    "medicationReference": {"reference": "Medication/m1"},
    "effectiveDateTime": "2024-03-05",
}


def test_bulk_files_meet_in_whatever_order_they_are_read(
    site: Home, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    write_file("1.ndjson", [GIVEN, make_observation(specimen={"reference": "Specimen/s1"})])
    write_file("2.ndjson", [MEDICATION, SPECIMEN])
    item = write_file("3.ndjson", [make_patient()])
    report = ingest(site, [item.path.parent])
    assert (report.read, report.accepted, report.reasons) == (3, 3, {})
    assert report.rows == {"drug_exposure": 1, "measurement": 1, "person": 1}


def test_a_drug_met_in_an_earlier_run_is_known_in_a_later_one(
    site: Home, write_file: WriteFile, make_patient: MakeResource
) -> None:
    """A server asked for what changed does not tell its drugs again."""
    ingest(site, [write_file("1.ndjson", [MEDICATION, make_patient()]).path])
    assert ingest(site, [write_file("2.ndjson", [GIVEN]).path]).rows == {"drug_exposure": 1}


@pytest.mark.parametrize("form", ["lines", "bundle"])
def test_what_is_mentioned_is_told_by_its_code(
    worker: Worker,
    write_file: WriteFile,
    make_patient: MakeResource,
    make_observation: MakeResource,
    form: str,
) -> None:
    told = [
        make_patient(),
        GIVEN,
        make_observation(specimen={"reference": "Specimen/s1"}),
        MEDICATION,
        SPECIMEN,
    ]
    entries = [{"resource": each} for each in told]
    item = write_file(
        "a.ndjson" if form == "lines" else "a.json",
        told if form == "lines" else {"resourceType": "Bundle", "entry": entries},
    )
    for identity in reading.identities(item, worker.home):
        worker.exchange.learn(identity)
    rows = [row for record in reading.read(item, worker).records for _, row in record.rows]
    assert (rows[1]["drug_source_value"], rows[1]["drug_source_system"]) == ("9000460", UCD)
    assert rows[2]["specimen_source_value"] == "119364003"


def test_a_drug_nobody_ever_told_is_refused(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource
) -> None:
    outcome = reading.read(write_file("a.ndjson", [make_patient(), GIVEN]), worker)
    [refused] = outcome.refusals
    assert (refused.reason, refused.position) == (Reason.CODE_MISSING, 2)


def test_what_is_kept_is_codes_under_names_that_say_nothing(site: Home) -> None:
    with NamedCodes(site, "") as codes:
        codes.learn(MEDICATION)
        codes.learn({"resourceType": "Medication", "id": "m2", "code": {"text": "Mrs Martin's"}})
    with NamedCodes(site, "") as codes, NamedCodes(site, "urn:clinic") as others:
        found = codes.find("Medication", "m1")
        assert found is not None
        assert (found.code, found.system) == ("9000460", UCD)
        assert codes.find("Medication", "m2") is None
        assert codes.find("Specimen", "m1") is None
        assert others.find("Medication", "m1") is None
    [kept] = site.root.glob("fhir-codes.sqlite3")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert b"Martin" not in kept.read_bytes()
