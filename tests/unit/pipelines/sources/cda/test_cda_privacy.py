"""A document is parsed in safety, belongs to one person, and its words stay outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from made_cda import PATIENT, code, document, observation, quantity, rows_of

from federim.identity.ins import with_key
from federim.model.identifiers import IdentityStatus, Ipp, LocalId, PatientIdentity, Sex
from federim_pipelines.items import Item, Reason
from federim_pipelines.sources.cda import reading
from federim_pipelines.worker import Worker

Told = Callable[..., reading.Document]
WriteFile = Callable[..., Item]

NIR, TEST = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.10"
INS = with_key("2620475115001")
RESULT = observation(code("718-7"), quantity("1"))


def ins(authority: str = NIR) -> str:
    return f'<id root="{authority}" extension="{INS}"/>'


def test_no_word_of_the_narrative_or_of_a_name_is_kept(told: Told) -> None:
    text = "<text>Zélie TESTUD, née à ATLANTIS</text>"
    original = "<originalText>chez TESTUD</originalText>"
    spoken = observation(code("718-7", inner=original), '<value xsi:type="ST">vue par TESTUD</value>')
    section = f"<section><title>TESTUD</title>{text}<entry>{RESULT}</entry><entry>{spoken}</entry></section>"
    found = told(document(body=f"<structuredBody><component>{section}</component></structuredBody>"))

    kept = repr([record.rows for record in found.records])
    assert len(rows_of(found.records, "measurement")) == 1
    assert not any(word in kept for word in ("TESTUD", "Zélie", "ATLANTIS", "IPP-0001", "CR-1"))


def test_an_ins_in_a_document_is_qualified_and_links(told: Told, worker: Worker) -> None:
    [person] = rows_of(told(document(patient=ins() + PATIENT)).records, "person")

    assert (person["linked"], person["year_of_birth"], person["gender_concept_id"]) == (True, 1962, 8532)


def test_an_ins_the_message_does_not_vouch_for_stays_local(told: Told) -> None:
    found = told(document(patient=ins() + PATIENT), status=IdentityStatus.PROVISIONAL)

    assert [row["linked"] for row in rows_of(found.records, "person")] == [False]


@pytest.mark.parametrize(
    ("birth", "sex", "doubts"),
    [("19620417", "F", None), ("19620000", "F", None), ("19630417", "F", "birth"), ("19620417", "M", "sex")],
)
def test_an_ins_that_contradicts_birth_or_sex_is_flagged_and_does_not_link(
    told: Told, birth: str, sex: str, doubts: str | None
) -> None:
    [person] = rows_of(told(document(patient=ins() + PATIENT, birth=birth, sex=sex)).records, "person")

    assert (person["identity_doubts"], person["linked"]) == (doubts, doubts is None)


def test_an_ins_of_the_test_authority_is_refused_outside_test_mode(
    told: Told, open_worker: Callable[..., Worker]
) -> None:
    content = document(RESULT, patient=ins(TEST))
    found = told(content)

    assert found.records == []
    assert [(one.reason, one.detail) for one in found.refusals] == [(Reason.IDENTITY_REFUSED, "recordTarget")]
    assert reading.document(content, open_worker(test_identities=True)).refusals == []


def test_a_document_about_another_than_the_message_is_refused(told: Told, worker: Worker) -> None:
    other = worker.exchange.learn(PatientIdentity(local=(LocalId(issuer="", value=Ipp("IPP-0002")),)))
    found = told(document(RESULT), subject=other)

    assert found.records == []
    assert [refusal.reason for refusal in found.refusals] == [Reason.IDENTITY_REFUSED]


def test_a_document_that_names_nobody_is_about_whom_the_message_is(told: Told, worker: Worker) -> None:
    other = worker.exchange.learn(PatientIdentity(local=(LocalId(issuer="", value=Ipp("IPP-0002")),)))
    found = told(document(RESULT, patient='<id nullFlavor="UNK"/>'), subject=other)

    assert [row["person_id"] for row in rows_of(found.records, "report")] == [other.person_id]


def test_a_document_about_nobody_or_about_several_is_refused(told: Told) -> None:
    nobody = told(document(RESULT, patient='<id nullFlavor="UNK"/>'))
    several = told(
        document(RESULT, patient=f"{PATIENT}</patientRole></recordTarget><recordTarget><patientRole>")
    )

    assert [one.reason for one in (*nobody.refusals, *several.refusals)] == [Reason.PATIENT_UNKNOWN] * 2


def test_what_two_documents_say_of_a_person_is_filled_into_one_row_not_refused(told: Told) -> None:
    first, second = told(document()).records[0], told(document(birth="")).records[0]

    assert first.key != second.key
    assert [record.version for record in (first, second)] == [None, None]


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
BOMB += b"".join(
    b'<!ENTITY %c "%s">' % (name, b"&%c;" % (name - 1) * 10) for name in range(ord("c"), ord("k"))
)


def test_a_document_type_is_refused_whatever_it_would_declare(told: Told, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("IPP-9999")
    declarations = (
        BOMB + b"]>",
        b'<!DOCTYPE x [<!ENTITY j SYSTEM "%s">]>' % secret.as_uri().encode(),
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/never.dtd">',
    )
    for declaration in declarations:
        content = document(RESULT, ids='<id root="1.2.3" extension="&j;"/>')
        found = told(content.replace(b"?>\n", b"?>\n" + declaration, 1))
        assert found.records == []
        assert {refusal.reason for refusal in found.refusals} <= {Reason.UNREADABLE}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.EMPTY),
        (b" \n", Reason.EMPTY),
        (b"<html/>", Reason.NOT_SUPPORTED),
        (b"<ClinicalDocument/>", Reason.NOT_SUPPORTED),  # of no namespace: of no version of CDA
        (b"MSH|^~\\&|", Reason.UNREADABLE),
        (document(RESULT)[:-200], Reason.TRUNCATED),
        (document(RESULT)[:-4], Reason.TRUNCATED),
        (document(RESULT).replace("Zélie".encode(), "Zélie".encode("latin-1")), Reason.UNREADABLE),
        (document("<act>" + "<entryRelationship><act>" * 300), Reason.UNREADABLE),
        (document(birth="hier"), Reason.DATE_UNUSABLE),
        (document(written="hier"), Reason.DATE_UNUSABLE),
        (document(kind=""), Reason.CODE_MISSING),
    ],
)
def test_what_is_no_readable_document_is_refused_whole(told: Told, content: bytes, reason: Reason) -> None:
    found = told(content)

    assert found.records == []
    assert [refusal.reason for refusal in found.refusals] == [reason]
    assert "hier" not in repr(found.refusals)


def test_a_text_too_long_for_memory_is_refused(told: Told) -> None:
    found = told(document(body=f"<nonXMLBody><text>{'QUJD' * 2_700_000}</text></nonXMLBody>"))

    assert [refusal.reason for refusal in found.refusals] == [Reason.UNREADABLE]


def test_a_document_inside_its_style_sheet_is_found(told: Told) -> None:
    inner = document(RESULT).partition(b"?>\n")[2]
    sheet = (
        b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform">' + inner + b"</xsl:stylesheet>"
    )

    assert len(rows_of(told(sheet).records, "measurement")) == 1


def test_the_first_pass_learns_who_a_file_is_about_and_not_of_hidden_ones(
    write_file: WriteFile,
) -> None:
    visible = write_file("visible.xml", document(patient=ins() + PATIENT), source="cda")
    hidden = write_file(
        "hidden.xml", document(confidentiality='<confidentialityCode code="V"/>'), source="cda"
    )
    broken = write_file("broken.xml", document()[:300], source="cda")

    [identity] = reading.identities(visible)
    assert identity.national is not None
    assert identity.national.status is IdentityStatus.QUALIFIED
    assert identity.sex is Sex.FEMALE
    assert list(reading.identities(hidden)) == list(reading.identities(broken)) == []


def test_a_file_is_read_as_its_document(worker: Worker, write_file: WriteFile) -> None:
    item = write_file("a.xml", document(RESULT), source="cda")
    outcome = reading.read(item, worker)

    assert len(outcome.records) == 2
    assert outcome.refusals == []
