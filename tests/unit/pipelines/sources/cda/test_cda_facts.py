"""Diagnoses, scores, acts and drugs become what their codes say they are, whatever document tells them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from made_cda import (
    ATC,
    CCAM,
    CIM_10,
    ICD_O,
    SNOMED_CT,
    code,
    document,
    observation,
    rows_of,
)

from federim_pipelines.items import Reason
from federim_pipelines.sources.cda import reading

Told = Callable[..., reading.Document]
Moved = Callable[[str], dt.date]

SINCE = '<effectiveTime><low value="20190129"/><high value="20190301"/></effectiveTime>'
TRUE = '<value xsi:type="BL" value="true"/>'
FALSE = '<value xsi:type="BL" value="false"/>'


def coded(value: str, system: str = SNOMED_CT, inner: str = "") -> str:
    return f'<value xsi:type="CD" code="{value}" codeSystem="{system}">{inner}</value>'


def test_a_problem_is_the_diagnosis_its_value_names(told: Told, moved: Moved) -> None:
    found = told(document(observation(code("282291009", SNOMED_CT), coded("I21.9", CIM_10), at=SINCE)))

    [row] = rows_of(found.records, "condition_occurrence")
    assert row["condition_source_value"] == "I21.9"
    assert row["condition_source_system"] == "https://smt.esante.gouv.fr/terminologie-cim-10"
    assert (row["condition_start_date"], row["condition_end_date"]) == (
        moved("2019-01-29"),
        moved("2019-03-01"),
    )


def test_a_tumour_is_told_by_its_morphology_and_by_its_site(told: Told) -> None:
    site = code("C50.2", CIM_10, "targetSiteCode")
    found = told(document(observation(code("282291009", SNOMED_CT), coded("8000/3", ICD_O), inner=site)))

    diagnoses = [row["condition_source_value"] for row in rows_of(found.records, "condition_occurrence")]
    assert diagnoses == ["8000/3", "C50.2"]


def test_a_diagnosis_that_is_but_affirmed_or_denied_is_one_or_none(told: Told) -> None:
    yes = observation(code("R56.8", CIM_10), TRUE, at='<effectiveTime nullFlavor="NA"/>')
    no = observation(code("J22", CIM_10), FALSE)
    found = told(document(yes, no))

    [row] = rows_of(found.records, "condition_occurrence")
    assert (row["condition_source_value"], row["condition_start_date"]) == ("R56.8", None)
    assert found.skipped == {"negated": 1}


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (observation(code("55607006", SNOMED_CT), coded("I21"), attributes='negationInd="true"'), "negated"),
        (
            observation(
                code("MED-503", "1.2.250.1.213.1.1.4.322"),
                TRUE,
                inner=f'<entryRelationship negationInd="true">{observation(code("I22", CIM_10), TRUE)}'
                "</entryRelationship>",
            ),
            "negated",
        ),
        (f"<observation moodCode='GOL'>{code('718-7')}</observation>", "planned"),
        (f"<procedure moodCode='INT'>{code('ZBQH001', CCAM)}</procedure>", "planned"),
        (f"<procedure>{code('ZBQH001', CCAM)}<statusCode code='cancelled'/></procedure>", "not done"),
        (
            "<organizer><subject><relatedSubject/></subject>"
            f"<component>{observation(code('C50', CIM_10), TRUE)}</component></organizer>",
            "relative",
        ),
        (observation(code("8665-2"), '<value xsi:type="TS" value="20240101"/>'), "date"),
        (observation(code("8665-2"), '<value xsi:type="CD" nullFlavor="UNK"/>'), "without value"),
        (observation(code("8665-2")), "without value"),
        ("<encounter moodCode='EVN'/>", "encounter"),
        ("<observationMedia/>", "observationMedia"),
    ],
)
def test_what_says_nothing_found_on_the_patient_is_counted_and_makes_no_row(
    told: Told, entry: str, kind: str
) -> None:
    found = told(document(entry))

    assert found.skipped == {kind: 1}
    assert found.refusals == []
    assert (
        rows_of(found.records, "condition_occurrence") == rows_of(found.records, "procedure_occurrence") == []
    )


def test_all_that_is_part_of_a_plan_is_planned(told: Told) -> None:
    inside = observation(code("I21", CIM_10), TRUE)
    found = told(document(f"<act moodCode='INT'><entryRelationship>{inside}</entryRelationship></act>"))

    assert found.skipped == {"planned": 2}


def test_a_score_is_measured_and_keeps_what_its_number_means(told: Told) -> None:
    meaning = code("LA18436-8", name="interpretationCode")
    found = told(document(observation(code("70184-7"), '<value xsi:type="INT" value="0"/>', inner=meaning)))

    [row] = rows_of(found.records, "measurement")
    assert (row["value_as_number"], row["unit"], row["value_source_code"]) == (0, None, "LA18436-8")


def test_a_truth_and_a_code_are_other_facts(told: Told) -> None:
    found = told(
        document(observation(code("63921-1"), FALSE), observation(code("21906-3"), coded("53623008")))
    )

    facts = rows_of(found.records, "observation")
    assert [row["value_source_code"] for row in facts] == ["false", "53623008"]


def test_a_stage_told_by_qualifiers_is_read_from_them(told: Told) -> None:
    stage = (
        "<qualifier>" + code("21909-7", name="name") + coded("IB", "2.16.840.1.113883.15.6") + "</qualifier>"
    )
    found = told(document(observation(code("75620-5"), f'<value xsi:type="CD">{stage}</value>')))

    [row] = rows_of(found.records, "observation")
    assert (row["observation_source_value"], row["value_source_code"]) == ("21909-7", "IB")


def test_an_examination_told_as_an_observation_is_an_act_without_its_words(told: Told) -> None:
    found = told(
        document(observation(code("EAQM004", CCAM), '<value xsi:type="ST">normal chez Zélie</value>'))
    )

    [row] = rows_of(found.records, "procedure_occurrence")
    assert row["procedure_source_value"] == "EAQM004"


def drug(dose: str, unit: str = "mL", material: str = "") -> str:
    told = material or f"<code>{code('V08AB11', ATC, 'translation')}</code>"
    return (
        f'<substanceAdministration moodCode="EVN">{SINCE}'
        f'<routeCode code="20045000" codeSystem="0.4.0.127.0.16.1.1.2.1"/><doseQuantity>'
        f'<low value="{dose}" unit="{unit}"/></doseQuantity><consumable><manufacturedProduct>'
        f"<manufacturedMaterial>{told}<name>XENETIX</name></manufacturedMaterial></manufacturedProduct>"
        "</consumable></substanceAdministration>"
    )


def test_a_contrast_medium_is_a_drug_given(told: Told, moved: Moved) -> None:
    [row] = rows_of(told(document(drug("150"))).records, "drug_exposure")

    assert (row["drug_source_value"], row["drug_source_system"]) == ("V08AB11", "http://www.whocc.no/atc")
    assert (row["quantity"], row["dose_unit_source_value"], row["route_source_value"]) == (
        150,
        "mL",
        "20045000",
    )
    assert row["drug_exposure_start_date"] == moved("2019-01-29")


def test_a_drug_named_by_words_alone_is_counted_and_a_dose_in_words_refused(told: Told) -> None:
    found = told(document(drug("1", material="<code/>"), drug("1", unit="comprimé de Zélie")))

    assert found.skipped == {"text": 1}
    assert [(one.reason, one.detail) for one in found.refusals] == [
        (Reason.VALUE_UNUSABLE, "doseQuantity/@unit")
    ]
