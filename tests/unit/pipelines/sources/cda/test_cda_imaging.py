"""A report of imaging is joined to its images, and says what was done, where and on which side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_cda import CCAM, DCM, IMAGING_REPORT, LOINC, PATIENT, REGISTER, SNOMED_CT, code, document, rows_of

from federim.model.identifiers import Ipp, LocalId, PatientIdentity, Subject
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.keying import Keying
from federim_pipelines.sources.cda import reading
from federim_pipelines.worker import Worker

Told = Callable[..., reading.Document]

STUDY, OTHER = "1.2.250.1.999.77.1", "1.2.250.1.999.77.2"
REPORT = code("18748-4")
ORDER = '<id root="1.2.250.1.999.6" extension="ORDER"/>'
NARRATIVE = "<nonXMLBody><text mediaType='application/pdf' representation='B64'>JVBERi0=</text></nonXMLBody>"


@pytest.fixture
def subject(worker: Worker) -> Subject:
    return worker.exchange.learn(PatientIdentity(local=(LocalId(issuer=REGISTER, value=Ipp("IPP-0001")),)))


def order(number: str) -> str:
    accession = f'<ps3-20:accessionNumber root="1.2.250.1.999.5" extension="{number}"/>'
    return f"<inFulfillmentOf><order>{ORDER}{accession}</order></inFulfillmentOf>"


def event(uid: str, what: str = "", extension: str = "") -> str:
    mark = f'extension="{extension}"' if extension else ""
    return f'<documentationOf><serviceEvent><id root="{uid}" {mark}/>{what}</serviceEvent></documentationOf>'


def joined(found: reading.Document) -> list[tuple[object, object]]:
    return [(row["StudyInstanceUID"], row["accession_key"]) for row in rows_of(found.records, "report_study")]


@pytest.mark.parametrize("extension", ["", "studyInstanceUID"])
def test_a_report_whose_body_is_a_pdf_is_still_joined_to_its_images(
    told: Told, subject: Subject, extension: str
) -> None:
    found = told(
        document(kind=REPORT, header=order("A-17") + event(STUDY, extension=extension), body=NARRATIVE)
    )

    assert joined(found) == [(keyed_uid(subject.uid_key, STUDY), Keying(subject).accession("A-17"))]
    assert {name for record in found.records for name, _ in record.rows} == {
        "person",
        "report",
        "report_study",
    }


def test_studies_and_accession_numbers_are_not_paired_by_chance(told: Told, subject: Subject) -> None:
    found = told(document(kind=REPORT, header=order("A-17") + event(STUDY) + event(OTHER)))

    assert joined(found) == [
        (keyed_uid(subject.uid_key, STUDY), None),
        (keyed_uid(subject.uid_key, OTHER), None),
        (None, Keying(subject).accession("A-17")),
    ]


def test_an_order_number_serves_where_no_accession_number_is_told(told: Told, subject: Subject) -> None:
    header = f"<inFulfillmentOf><order>{ORDER}</order></inFulfillmentOf>"

    assert joined(told(document(kind=REPORT, header=header))) == [(None, Keying(subject).accession("ORDER"))]
    assert joined(told(document(header=header, ids='<id root="1.2.250.1.999.3"/>'))) == []


def test_the_service_of_a_laboratory_is_no_study(told: Told) -> None:
    assert joined(told(document(header=event("1.2.250.1.213.1.1.9")))) == []


def catalogue(uid: str) -> str:
    return f"<entry><act><id root='{uid}'/>{code('113014', DCM)}</act></entry>"


def act(what: str, translation: str, inner: str = "") -> str:
    told = code(what, LOINC, inner=code(translation, CCAM, "translation"))
    return f"<entry><procedure>{told}{inner}</procedure></entry>"


def section(*entries: str) -> str:
    return f"<component><section>{''.join(entries)}</section></component>"


def body(*sections: str) -> str:
    return f"<structuredBody>{''.join(sections)}</structuredBody>"


def test_an_act_bears_site_side_and_the_study_catalogued_beside_it(told: Told, subject: Subject) -> None:
    right = (
        f"<qualifier>{code('272741003', SNOMED_CT, 'name')}{code('24028007', SNOMED_CT, 'value')}</qualifier>"
    )
    site = code("72696002", SNOMED_CT, "targetSiteCode", right)
    found = told(
        document(
            kind=REPORT,
            body=body(
                section(act("36554-4", "NFQK001", site), catalogue(STUDY)),
                section(act("24978-9", "ZBQH001"), catalogue(OTHER)),
            ),
        )
    )

    knee, chest = rows_of(found.records, "procedure_occurrence")
    assert (knee["procedure_source_value"], knee["body_site_source_value"]) == ("NFQK001", "72696002")
    assert (knee["laterality_source_value"], chest["laterality_source_value"]) == ("24028007", None)
    assert knee["StudyInstanceUID"] == keyed_uid(subject.uid_key, STUDY)
    assert chest["StudyInstanceUID"] == keyed_uid(subject.uid_key, OTHER)


def test_an_act_is_matched_to_its_service_by_code_where_nothing_is_catalogued(
    told: Told, subject: Subject
) -> None:
    header = event(STUDY, code("NFQK001", CCAM)) + event(OTHER, code("ZBQH001", CCAM))
    found = told(
        document(
            kind=REPORT,
            header=header,
            body=body(section(act("24978-9", "ZBQH001")), section(act("1-8", "AAAA001"))),
        )
    )

    chest, unknown = rows_of(found.records, "procedure_occurrence")
    assert chest["StudyInstanceUID"] == keyed_uid(subject.uid_key, OTHER)
    assert unknown["StudyInstanceUID"] is None


def test_a_dose_is_measured_and_an_image_is_left_to_the_images(told: Told) -> None:
    dose = (
        f"<entry><observation>{code('113813', DCM)}"
        '<value xsi:type="PQ" value="1140.26" unit="mGy.cm"/></observation></entry>'
    )
    sop_class = code("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.2.6.1")
    image = f"<entry><observation>{sop_class}</observation></entry>"
    found = told(
        document(
            kind=code("34117-2"),
            templates=f'<templateId root="{IMAGING_REPORT}"/>',
            body=body(section(dose, image)),
            patient=PATIENT,
        )
    )

    [row] = rows_of(found.records, "measurement")
    assert (row["measurement_source_value"], row["value_source_number"]) == ("113813", 1140.26)
    assert found.skipped == {"image reference": 1}
