"""A laboratory's report becomes measurements, with their units, limits, specimens and dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from made_cda import (
    LABORATORY_OBSERVATION,
    NABM,
    SNOMED_CT,
    code,
    document,
    normal,
    observation,
    quantity,
    rows_of,
)

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.cda import reading
from federim_pipelines.sources.cda.values import value_of

Told = Callable[..., reading.Document]
Moved = Callable[[str], dt.date]

CREATININE = code("14682-9")
LEUCOCYTES = code("30405-5")


def result(value: str, inner: str = "", what: str = CREATININE, at: str = "") -> str:
    told = at or '<effectiveTime value="20240105073512+0100"/>'
    return observation(what, value, at=told, template=LABORATORY_OBSERVATION, inner=inner)


def measured(told: reading.Document) -> list[tuple[object, ...]]:
    columns = ("measurement_source_value", "operator", "value_source_number", "unit_source_value")
    return [tuple(row[name] for name in columns) for row in rows_of(told.records, "measurement")]


def test_a_result_bears_its_number_unit_limits_and_moment(told: Told, moved: Moved) -> None:
    found = told(document(result(quantity("75", "umol/L"), normal("45", "84", "umol/L"))))

    assert found.refusals == []
    [row] = rows_of(found.records, "measurement")
    assert (row["value_as_number"], row["unit"]) == (75, "umol/L")
    assert (row["range_low"], row["range_high"]) == (45, 84)
    assert row["measurement_source_system"] == "http://loinc.org"
    assert row["measurement_date"] == moved("2024-01-05")
    assert row["measurement_datetime"] == dt.datetime.combine(moved("2024-01-05"), dt.time(7, 35, 12))
    [report] = rows_of(found.records, "report")
    assert row["report_id"] == report["report_id"]
    assert report["report_source_value"] == "11502-2"


@pytest.mark.parametrize(
    ("bound", "operator"),
    [
        ('<high value="0.5" unit="ug/mL" inclusive="false"/>', "<"),
        ('<high value="0.5" unit="ug/mL"/>', "<="),
        ('<low value="0.5" unit="ug/mL" inclusive="true"/>', ">="),
        ('<low value="0.5" unit="ug/mL" inclusive="false"/>', ">"),
    ],
)
def test_an_interval_with_one_end_is_a_number_and_an_operator(told: Told, bound: str, operator: str) -> None:
    found = told(document(result(f'<value xsi:type="IVL_PQ">{bound}</value>', what=code("28-1"))))

    assert measured(found) == [("28-1", operator, 0.5, "ug/mL")]


def test_an_interval_with_two_ends_is_refused_since_neither_is_the_result(told: Told) -> None:
    value = '<value xsi:type="IVL_PQ"><low value="1" unit="g/L"/><high value="2" unit="g/L"/></value>'
    found = told(document(result(quantity("75", "umol/L")), result(value)))

    assert len(measured(found)) == 1
    [refusal] = found.refusals
    assert (refusal.reason, refusal.position) == (Reason.VALUE_UNUSABLE, 2)


def test_what_a_laboratory_writes_below_its_range_is_read_and_a_sentence_is_not(told: Told) -> None:
    below = result('<value xsi:type="ED">&lt;1.0 mg/L</value>', what=code("1988-5"))
    sentence = result('<value xsi:type="ST">Prélèvement de Zélie TESTUD coagulé</value>')
    number = result('<value xsi:type="ST">0612345678</value>')  # may be anybody's telephone
    found = told(document(below, sentence, number))

    assert measured(found) == [("1988-5", "<", 1.0, "mg/L")]
    assert found.skipped == {"text": 2}


def test_limits_in_another_unit_are_taken_from_their_translation_or_left(told: Told) -> None:
    translated = (
        '<referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="4" unit="mg/L">'
        '<translation xsi:type="PQ" value="35" unit="umol/L"/></low><high value="9" unit="mg/L"/>'
        "</value></observationRange></referenceRange>"
    )
    [row] = rows_of(told(document(result(quantity("75", "umol/L"), translated))).records, "measurement")

    assert (row["range_low"], row["range_high"]) == (35, None)


def test_an_interpretation_counts_where_it_says_more_than_the_limits_do(told: Told) -> None:
    high = result(quantity("99", "umol/L"), '<interpretationCode code="H"/>')
    resistant = result(quantity("8", "ug/mL"), '<interpretationCode code="R"/>', code("20-8"))
    found = told(document(high, resistant))

    assert [row["value_source_code"] for row in rows_of(found.records, "measurement")] == [None, "R"]


def test_a_coded_result_of_a_laboratory_is_a_measurement(told: Told) -> None:
    value = f'<value xsi:type="CD" code="260373001" codeSystem="{SNOMED_CT}"/>'
    [row] = rows_of(told(document(result(value, what=code("94500-6")))).records, "measurement")

    assert (row["value_as_number"], row["value_source_code"]) == (None, "260373001")


def test_the_types_of_a_document_with_a_prefix_are_read_alike(told: Told) -> None:
    found = told(
        document(result('<value xmlns:c="urn:hl7-org:v3" xsi:type="c:PQ" value="7.5" unit="umol/L"/>'))
    )

    assert measured(found) == [("14682-9", None, 7.5, "umol/L")]


def taking(*specimens: str) -> str:
    participants = "".join(
        '<participant typeCode="PRD"><participantRole><playingEntity>'
        f"{code(specimen, '2.16.840.1.113883.18.311')}</playingEntity></participantRole></participant>"
        for specimen in specimens
    )
    time = '<effectiveTime><high value="202401050710+0100"/></effectiveTime>'
    procedure = f"<procedure moodCode='EVN'>{code('9050', NABM)}{time}{participants}</procedure>"
    return f"<entryRelationship typeCode='COMP'>{procedure}</entryRelationship>"


def battery(results: str, inside: str) -> str:
    return f"<act>{inside}<entryRelationship><organizer>{results}</organizer></entryRelationship></act>"


def test_a_result_takes_specimen_from_how_it_was_taken_and_a_culture_from_what_grew(told: Told) -> None:
    germ = code("112283007", SNOMED_CT)
    grew = f"<specimenRole><specimenPlayingEntity>{germ}</specimenPlayingEntity></specimenRole>"
    count = f"<component>{result(quantity('500', '/mL'), what=LEUCOCYTES)}</component>"
    grown = f"<component><organizer><specimen>{grew}</specimen>{count}</organizer></component>"
    found = told(document(battery(count + grown, taking("UR"))))

    specimens = [row["specimen_source_value"] for row in rows_of(found.records, "measurement")]
    assert specimens == ["UR", "112283007"]


def test_of_two_specimens_none_is_guessed(told: Told) -> None:
    count = f"<component>{result(quantity('5', '/mL'), what=LEUCOCYTES)}</component>"
    found = told(document(battery(count, taking("BLD", "UR"))))

    [row] = rows_of(found.records, "measurement")
    assert row["specimen_source_value"] is None


def test_taking_a_specimen_is_an_act_of_its_own_date(told: Told, moved: Moved) -> None:
    found = told(document(battery("", taking("BLD"))))

    [act] = rows_of(found.records, "procedure_occurrence")
    assert (act["procedure_source_value"], act["procedure_date"]) == ("9050", moved("2024-01-05"))


def test_a_result_without_a_time_has_that_of_what_it_is_part_of(told: Told, moved: Moved) -> None:
    inner = result(quantity("1", "umol/L"), at='<effectiveTime nullFlavor="UNK"/>')
    dated = '<effectiveTime value="20231224"/>'
    whole = f"<organizer>{dated}<component>{inner}</component></organizer>"
    alone = result(quantity("2", "umol/L"), at='<effectiveTime nullFlavor="UNK"/>')
    first, second = rows_of(told(document(whole, alone)).records, "measurement")

    assert first["measurement_date"] == moved("2023-12-24")
    assert second["measurement_date"] == moved("2024-01-05")


def test_a_year_alone_gives_no_date(told: Told) -> None:
    found = told(document(result(quantity("15"), at='<effectiveTime value="2018"/>')))

    assert [row["measurement_date"] for row in rows_of(found.records, "measurement")] == [None]


def test_a_result_of_the_past_is_left_to_the_report_that_first_told_it(told: Told) -> None:
    before = result(quantity("70", "umol/L"), at='<effectiveTime value="20220101"/>')
    link = f'<entryRelationship typeCode="REFR">{before}</entryRelationship>'
    found = told(document(result(quantity("75", "umol/L"), link)))

    assert [row["value_source_number"] for row in rows_of(found.records, "measurement")] == [75]
    assert found.skipped == {"earlier result": 1}


@pytest.mark.parametrize(
    ("broken", "reason", "detail"),
    [
        (result(quantity("7,5", "g/L")), Reason.VALUE_UNUSABLE, "observation/value[PQ]"),
        (result(quantity("1_0", "g/L")), Reason.VALUE_UNUSABLE, "observation/value[PQ]"),
        (result(quantity("1e999", "g/L")), Reason.VALUE_UNUSABLE, "observation/value[PQ]"),
        (result('<value xsi:type="RTO"/>'), Reason.VALUE_UNUSABLE, "observation/value[RTO]"),
        (result('<value xsi:type="Zelie"/>'), Reason.VALUE_UNUSABLE, "observation/value[xsi:type]"),
        (result(quantity("1"), what="<code nullFlavor='UNK'/>"), Reason.CODE_MISSING, "observation/code"),
        (
            result(quantity("1"), at='<effectiveTime value="20241305"/>'),
            Reason.DATE_UNUSABLE,
            "effectiveTime",
        ),
        (result(quantity("1"), at='<effectiveTime value="hier"/>'), Reason.DATE_UNUSABLE, "effectiveTime"),
    ],
)
def test_a_result_that_cannot_be_read_is_refused_alone(
    told: Told, broken: str, reason: Reason, detail: str
) -> None:
    found = told(document(broken, result(quantity("75", "umol/L"))))

    assert [(one.reason, one.detail, one.position) for one in found.refusals] == [(reason, detail, 1)]
    assert len(measured(found)) == 1


def test_a_unit_that_is_a_sentence_is_refused(told: Told) -> None:
    found = told(document(result(quantity("2", "gouttes pour TESTUD"))))

    assert [refusal.reason for refusal in found.refusals] == [Reason.VALUE_UNUSABLE]
    assert "TESTUD" not in repr(found)


@given(
    number=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
)
def test_any_decimal_is_read_as_it_is_written(number: object) -> None:
    told = etree.fromstring(
        f'<value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="PQ" value="{number}"/>'
    )

    assert value_of(told, None).number == float(str(number))


@given(text=st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=12))
def test_no_text_becomes_a_number_by_chance(text: str) -> None:
    told = etree.Element("value", {"{http://www.w3.org/2001/XMLSchema-instance}type": "INT", "value": text})
    try:
        number = value_of(told, None).number
    except Unusable:
        return
    assert number == float(text) and text.isascii() and "_" not in text


def test_a_unit_that_is_empty_is_none(told: Told) -> None:
    found = told(document(result(quantity("75", ""), normal("45", "84", ""))))

    assert found.refusals == []
    [row] = rows_of(found.records, "measurement")
    assert (row["unit_source_value"], row["range_low"], row["range_high"]) == (None, 45, 84)
