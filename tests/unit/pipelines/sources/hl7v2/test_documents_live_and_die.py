"""Documents in messages: entered, replaced, deleted and hidden, in whatever order their messages are read."""

from __future__ import annotations

from itertools import permutations

import pytest
from made_messages import (
    NOBODY,
    Enter,
    Read,
    Rows,
    enclosed,
    every_order,
    flag,
    message,
    msh,
    obr,
    obx,
    oru,
    pid,
)

from federim_pipelines.items import Reason

PDF = enclosed(b"%PDF-1.7 nobody", code="18748-4^CR^LN")
IMAGING = obr("ACC-7", "18748-4^CR^LN")


def mdm(
    event: str,
    control: str,
    *,
    sent: str,
    number: str = "DOC-1",
    parent: str = "",
    availability: str = "",
    observations: tuple[str, ...] = (PDF,),
) -> bytes:
    txa = f"TXA|1|18748-4|TEXT|20240305||202403051100||||||{number}^RIS|{parent}||||AU||{availability}"
    return message(msh(f"MDM^{event}^MDM_T02", sent), pid(), f"ORC|{control}", IMAGING, txa, *observations)


FIRST = mdm("T02", "NW", sent="20240305110000")
EDITED = mdm("T08", "NW", sent="20240305120000")
SECOND = mdm("T10", "RO", sent="20240306110000", number="DOC-2", parent="DOC-1^RIS")
CANCELLED = mdm("T11", "CA", sent="20240307110000", number="DOC-2", observations=())
DELETED = mdm("T04", "CA", sent="20240307110000", number="DOC-2")


def test_a_document_that_is_no_cda_is_known_to_exist(enter: Enter, rows: Rows) -> None:
    enter([FIRST])
    [row] = rows("select report_source_value code, report_source_system system, report_date from report")
    assert (row["code"], row["system"]) == ("18748-4", "http://loinc.org") and row["report_date"]
    assert rows("select accession_key is not null told from report_study") == [{"told": True}]


def test_a_replacement_takes_the_place_of_its_parent_in_every_order(enter: Enter, rows: Rows) -> None:
    enter(every_order(FIRST, EDITED, SECOND))
    assert rows("select count(*) n, count(distinct person_id) p from report") == [{"n": 6, "p": 6}]
    assert rows("select reason from quarantine") == []


@pytest.mark.parametrize("last", [CANCELLED, DELETED])
def test_a_deleted_document_is_gone_in_every_order(enter: Enter, rows: Rows, last: bytes) -> None:
    enter(every_order(FIRST, SECOND, last))
    assert rows("select * from report") == [] and rows("select * from report_study") == []


def test_an_order_that_is_cancelled_takes_its_report_and_results_away(enter: Enter, rows: Rows) -> None:
    told = obx("14682-9^x^LN", "88", unit="umol/L")
    gone = message(msh("ORU^R01", "20240307"), pid(), "ORC|CA|P1|F1", obr(), told)
    enter([oru(told), gone])
    assert rows("select * from report") == [] and rows("select * from measurement") == []


@pytest.mark.parametrize(
    "name",
    [
        "MASQUE_PS",
        "INVISIBLE_PATIENT",
        "INVISIBLE_REPRESENTANTS_LEGAUX",
        "INVISIBLE_REP_LEGAUX",
        "INVISIBLE_REPRENSANTS_LEGAUX",
        "CONNEXION_SECRETE",
    ],
)
def test_a_hidden_document_is_refused_and_an_earlier_visible_one_goes(
    enter: Enter, rows: Rows, name: str
) -> None:
    hidden = mdm("T08", "NW", sent="20240305120000", observations=(PDF, flag(name, "Y")))
    enter(every_order(FIRST, hidden))
    assert rows("select * from report") == []
    [row] = rows("select distinct reason, detail from quarantine")
    assert row["reason"] == Reason.CONFIDENTIAL
    assert row["detail"] == ("INVISIBLE_REPRESENTANTS_LEGAUX" if "REP" in name else name)


def test_a_document_shown_again_comes_back(enter: Enter, rows: Rows) -> None:
    hidden = mdm("T08", "NW", sent="20240305120000", observations=(PDF, flag("MASQUE_PS", "Y")))
    shown = mdm("T08", "NW", sent="20240305130000", observations=(PDF, flag("MASQUE_PS", "N")))
    enter([FIRST, hidden, shown])
    assert rows("select count(*) n from report") == [{"n": 1}]


@pytest.mark.parametrize(("value", "enters"), [("N", 1), ("n", 1), ("Y", 0), ("", 0), ("peut-être", 0)])
def test_a_flag_that_is_not_denied_hides(read: Read, value: str, enters: int) -> None:
    told = read(mdm("T02", "NW", sent="20240305", observations=(PDF, flag("MASQUE_PS", value))))
    assert sum(table == "report" for record in told.records for table, _ in record.rows) == enters


def test_results_beside_a_flag_are_hidden_as_well(enter: Enter, rows: Rows) -> None:
    told = obx("14682-9^x^LN", "88", unit="umol/L")
    enter([oru(told, sent="20240305"), oru(told, flag("CONNEXION_SECRETE", "Y"), sent="20240306")])
    assert rows("select * from measurement") == [] and rows("select * from report") == []


def test_how_a_document_is_handled_is_no_finding(read: Read) -> None:
    told = read(
        oru(
            PDF,
            flag("MODIF_CONF_CODE", "Y"),
            flag("DESTDMP", "Y"),
            flag("ACK_LECTURE_MSS", "N"),
            obx("CORPSMAIL_PS^x^MetaDMPMSS", "^TEXT^^Base64^Q2hlcg==", type_="ED"),
            order=IMAGING,
        )
    )
    assert told.skipped == {"attachment": 1} and told.refusals == []


def test_a_very_restricted_document_is_hidden_by_its_own_segment(read: Read) -> None:
    told = read(mdm("T02", "NW", sent="20240305").replace(b"||||AU||", b"||||AU|V|"))
    assert [(each.reason, each.detail) for each in told.refusals] == [(Reason.CONFIDENTIAL, "TXA-18")]


def test_what_cannot_be_decoded_is_refused_and_the_report_is_known(read: Read) -> None:
    told = read(oru(obx("11502-2^CR^LN", "^TEXT^XML^Base64^=not=", type_="ED")))
    assert [(each.reason, each.detail) for each in told.refusals] == [(Reason.UNREADABLE, "OBX-5 (ED)")]


CDA = b"""<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3">
<id root="1.2.3.%(number)d"/>%(set)s<code code="11502-2" codeSystem="2.16.840.1.113883.6.1"/>
<effectiveTime value="20240305110000"/><confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
<versionNumber value="%(number)d"/><recordTarget><patientRole><id extension="%(ipp)s" root="1.2.250.1.999"/>
<patient><administrativeGenderCode code="F"/><birthTime value="19610409"/></patient></patientRole>
</recordTarget></ClinicalDocument>"""
SET = b'<setId root="1.2.3.1"/>'


def cda(number: int, *, ipp: bytes = b"IPP-1", set_: bytes = SET) -> str:
    told = CDA % {b"number": number, b"ipp": ipp, b"set": set_}
    return enclosed(told.replace(b"\n", b""))


KNOWN = NOBODY.replace("^PI", "")  # as the document spells it: by its authority


def carrying(document: str, control: str, *, patient: str = KNOWN) -> bytes:
    return message(msh("ORU^R01"), pid(patient), f"ORC|{control}|P1|F1", obr(), document)


def test_a_deleted_cda_is_gone_in_every_order(enter: Enter, rows: Rows) -> None:
    steps = ((1, "NW"), (2, "RO"), (2, "CA"))
    enter(
        [
            carrying(cda(number, set_=b'<setId root="1.2.4.%d"/>' % place), control)
            for place, order in enumerate(permutations(steps))
            for number, control in order
        ]
    )
    assert rows("select * from report") == []


def test_the_last_version_of_a_cda_stands_in_either_order(enter: Enter, rows: Rows) -> None:
    enter([carrying(cda(2), "RO"), carrying(cda(1), "NW")])
    assert rows("select version from report") == [{"version": 2}]


def test_a_cda_of_another_person_than_the_message_is_refused(read: Read) -> None:
    told = read(carrying(cda(1, ipp=b"IPP-2"), "NW"))
    assert [each.reason for each in told.refusals] == [Reason.IDENTITY_REFUSED]
    assert not any(table == "report" for record in told.records for table, _ in record.rows)


def test_a_cda_may_say_alone_who_it_is_about(enter: Enter, rows: Rows) -> None:
    enter([message(msh("ORU^R01"), cda(1)), carrying(cda(2), "RO")])
    assert rows("select count(*) n, count(distinct person_id) p from report") == [{"n": 1, "p": 1}]
    assert rows("select count(*) n from person") == [{"n": 1}]


def test_a_cancellation_without_the_document_finds_it_by_its_identifier(enter: Enter, rows: Rows) -> None:
    gone = mdm("T11", "CA", sent="20240307", number="1.2.3.1", observations=())
    enter([carrying(cda(1, set_=b""), "NW"), gone.replace(NOBODY.encode(), KNOWN.encode())])
    assert rows("select * from report") == []
