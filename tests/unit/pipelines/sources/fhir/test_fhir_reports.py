"""FHIR reports meet their results, their images and their stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from federim.model.identifiers import PatientIdentity
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.items import Item, Outcome, Reason, Row
from federim_pipelines.keying import Keying
from federim_pipelines.sources.fhir import reading
from federim_pipelines.sources.fhir.patient import identity_of
from federim_pipelines.worker import Worker

Resource = dict[str, Any]
MakeResource = Callable[..., Resource]
WriteFile = Callable[..., Item]

STUDY_UID = "1.2.840.99999999.1"
ACCESSION = {"type": {"coding": [{"code": "ACSN"}]}, "value": "A-2024-17"}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "subject": {"reference": "Patient/p1"},
}
STUDY = {
    "resourceType": "ImagingStudy",
    "id": "s1",
    "status": "available",
    "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{STUDY_UID}"}, ACCESSION],
    "subject": {"reference": "Patient/p1"},
    "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}],
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "meta": {"versionId": "3"},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "24627-2"}]},
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": "Encounter/e1"},
    "effectiveDateTime": "2024-03-05T09:00:00+01:00",
    "imagingStudy": [{"reference": "ImagingStudy/s1"}],
    "conclusion": "Mrs Martin has a nodule",
    "conclusionCode": [{"coding": [{"system": "http://snomed.info/sct", "code": "786838002"}]}],
}


def bundle(*resources: Resource) -> Resource:
    entries = [{"fullUrl": urn(resource), "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def urn(resource: Resource) -> str:
    """What a bundle may call a resource, whatever its id."""
    number = f"{resource['resourceType']}{resource['id']}".encode().hex()[-12:].rjust(12, "0")
    return f"urn:uuid:0ce18c7d-fd78-46d9-81b5-{number}"


def rows(outcome: Outcome, table: str) -> list[Row]:
    return [row for record in outcome.records for name, row in record.rows if name == table]


def test_a_report_tells_its_kind_conclusion_and_images_and_none_of_its_words(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource
) -> None:
    # The study and the stay come last: a bundle has no order.
    outcome = reading.read(write_file("a.json", bundle(make_patient(), REPORT, STUDY, ENCOUNTER)), worker)
    assert not outcome.refusals
    [report], [joined], [found] = (rows(outcome, name) for name in ("report", "report_study", "observation"))
    [visit], [act] = (rows(outcome, name) for name in ("visit_occurrence", "procedure_occurrence"))
    assert (report["report_source_value"], report["version"]) == ("24627-2", 3)
    assert joined["report_id"] == found["report_id"] == report["report_id"]
    assert found["value_source_code"] == "786838002"
    assert found["visit_occurrence_id"] == visit["visit_occurrence_id"]
    subject = worker.exchange.find(known(make_patient()))
    assert subject is not None
    assert joined["StudyInstanceUID"] == act["StudyInstanceUID"] == keyed_uid(subject.uid_key, STUDY_UID)
    assert joined["accession_key"] == Keying(subject).accession("A-2024-17")
    assert "Martin" not in str(outcome.records)


def test_a_result_knows_the_report_it_is_in(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    result = make_observation()
    for reference in ("Observation/o1", urn(result)):
        told = REPORT | {"result": [{"reference": reference}]}
        outcome = reading.read(write_file("a.json", bundle(make_patient(), result, told)), worker)
        [measured], [report] = rows(outcome, "measurement"), rows(outcome, "report")
        assert measured["report_id"] == report["report_id"]


def test_a_result_met_again_without_its_report_is_the_same_record(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    result = make_observation(specimen={"reference": "Specimen/1"}, text={"div": "one"})
    told = REPORT | {"result": [{"reference": "Observation/o1"}]}
    one = reading.read(write_file("a.json", bundle(make_patient(), told, result)), worker).records[-1]
    [two] = reading.read(write_file("a.ndjson", [result | {"text": {"div": "two"}}]), worker).records
    assert (one.key, one.content) == (two.key, two.content)


@pytest.mark.parametrize(
    "reference", ["Encounter/e1", "https://ehr.example/fhir/Encounter/e1", urn(ENCOUNTER)]
)
def test_a_fact_is_in_the_stay_its_reference_means(
    worker: Worker,
    write_file: WriteFile,
    make_patient: MakeResource,
    make_observation: MakeResource,
    reference: str,
) -> None:
    result = make_observation(encounter={"reference": reference})
    outcome = reading.read(write_file("a.json", bundle(make_patient(), result, ENCOUNTER)), worker)
    [measured], [visit] = rows(outcome, "measurement"), rows(outcome, "visit_occurrence")
    assert measured["visit_occurrence_id"] == visit["visit_occurrence_id"]


def test_a_stay_without_an_id_is_known_by_what_its_bundle_calls_it(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource, make_observation: MakeResource
) -> None:
    told = bundle(make_patient(), make_observation(encounter={"reference": urn(ENCOUNTER)}), ENCOUNTER)
    told["entry"][2]["resource"] = {name: value for name, value in ENCOUNTER.items() if name != "id"}
    outcome = reading.read(write_file("a.json", told), worker)
    [measured], [visit] = rows(outcome, "measurement"), rows(outcome, "visit_occurrence")
    assert measured["visit_occurrence_id"] == visit["visit_occurrence_id"]


def test_an_order_gives_the_accession_number_where_no_study_is_at_hand(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource
) -> None:
    order = {"resourceType": "ServiceRequest", "id": "q1", "identifier": [ACCESSION]}
    for based_on in ({"reference": "ServiceRequest/q1"}, {"identifier": ACCESSION}):
        told = REPORT | {"imagingStudy": [], "basedOn": [based_on]}
        outcome = reading.read(write_file("a.json", bundle(make_patient(), told, order)), worker)
        [joined] = rows(outcome, "report_study")
        subject = worker.exchange.find(known(make_patient()))
        assert subject is not None
        assert joined["accession_key"] == Keying(subject).accession("A-2024-17")
        assert joined["StudyInstanceUID"] is None


def test_a_conclusion_in_words_is_refused_beside_the_report(
    worker: Worker, write_file: WriteFile, make_patient: MakeResource
) -> None:
    told = REPORT | {"conclusionCode": [{"text": "nodule of Mrs Martin"}]}
    outcome = reading.read(write_file("a.json", bundle(make_patient(), told)), worker)
    assert [len(record.rows) for record in outcome.records] == [1, 1]
    [refused] = outcome.refusals
    assert (refused.reason, refused.position) == (Reason.CODE_MISSING, 2)
    assert refused.detail == "DiagnosticReport.conclusionCode"


def known(patient: Resource) -> PatientIdentity:
    found = identity_of(patient)
    assert found is not None
    return found
