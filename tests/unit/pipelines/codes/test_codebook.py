"""What a site knows of codes: canonical units, and concepts of its own vocabulary."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from federim.home import Home
from federim.lake.concepts import load
from federim_pipelines.codes.code import Code
from federim_pipelines.codes.codebook import Canonical, Codebook
from federim_pipelines.codes.systems import CCAM, CIM_10, LOINC, SNOMED_CT
from federim_pipelines.codes.units import ucum
from federim_pipelines.extract.unusable import Unusable

CREATININE = Code("14682-9", LOINC)  # moles
CONCEPTS = """\
concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_class_id\tstandard_concept\tconcept_code\t\
valid_start_date\tvalid_end_date\tinvalid_reason
10\tCreatinine "moles"\tMeasurement\tLOINC\tLab Test\tS\t14682-9\t19700101\t20991231\t
20\tMalignant tumour of upper lobe\tCondition\tSNOMED\tClinical Finding\tS\t254637007\t19700101\t20991231\t
21\tOf two\tCondition\tSNOMED\tClinical Finding\tS\t21\t19700101\t20991231\t
30\tTumeur maligne\tCondition\tICD10\t4-char\t\tC34.1\t19700101\t20991231\t
31\tDiabetes with\tCondition\tICD10\t4-char\t\tE11.2\t19700101\t20991231\t
40\tTDM\tProcedure\tCCAM\tProcedure\t\tZBQK001\t19700101\t20991231\t
41\tTDM cible\tProcedure\tSNOMED\tProcedure\tS\t41\t19700101\t20991231\t
50\tOld\tMeasurement\tLOINC\tLab Test\t\t2160-0\t19700101\t19991231\tD
51\tNew\tMeasurement\tLOINC\tLab Test\tS\t2160-0\t19700101\t20991231\t
"""
RELATIONSHIPS = """\
concept_id_1\tconcept_id_2\trelationship_id\tvalid_start_date\tvalid_end_date\tinvalid_reason
30\t20\tMaps to\t19700101\t20991231\t
31\t20\tMaps to\t19700101\t20991231\t
31\t21\tMaps to\t19700101\t20991231\t
40\t41\tMaps to\t19700101\t20991231\t
40\t20\tMaps to\t19700101\t19991231\tD
40\t20\tIs a\t19700101\t20991231\t
"""


@pytest.fixture
def codebook(site: Home, tmp_path: Path) -> Codebook:
    folder = tmp_path / "athena"
    folder.mkdir()
    (folder / "CONCEPT.csv").write_text(CONCEPTS)
    (folder / "CONCEPT_RELATIONSHIP.csv").write_text(RELATIONSHIPS)
    (folder / "SOURCE_TO_CONCEPT_MAP.csv").write_text(
        "source_code,source_concept_id,source_vocabulary_id,target_concept_id,invalid_reason\n"
        "GLY,0,urn:oid:1.2.3.4,10,\nBAD,0,urn:oid:1.2.3.4,30,\n"
    )
    load(site, folder)
    return Codebook.open(site)


def test_a_number_is_kept_in_the_canonical_unit_of_its_code() -> None:
    kept = Codebook(None).canonical(CREATININE, "mmol/L", (0.088, 0.06, None))
    assert kept == Canonical((88.0, 60.0, None), "umol/L")


def test_a_code_without_a_canonical_unit_keeps_its_own_in_ucum() -> None:
    kept = Codebook(None).canonical(Code("Z1", "urn:oid:1.2"), "mmHg", (12.0,))
    assert kept == Canonical((12.0,), "mm[Hg]")


@pytest.mark.parametrize("system", [LOINC, "urn:oid:2.16.840.1.113883.6.1"])
def test_loinc_is_known_by_its_oid_as_well(system: str) -> None:
    assert Codebook(None).canonical(Code("2951-2", system), "mEq/L", (140.0,)) == Canonical(
        (140.0,), "mmol/L"
    )


@pytest.mark.parametrize(("unit", "numbers"), [(None, (1.0,)), ("umol/L", (None,))])
def test_without_a_unit_or_a_number_there_is_no_unit(unit: str | None, numbers: tuple[float | None]) -> None:
    assert Codebook(None).canonical(CREATININE, unit, numbers) == Canonical(numbers, None)


@pytest.mark.parametrize("unit", ["mg/L", "10*999/L", "told by Mrs Martin", "LABO"])
def test_an_impossible_unit_is_refused_without_being_quoted(unit: str) -> None:
    with pytest.raises(Unusable) as refused:
        Codebook(None).canonical(CREATININE, unit, (88.0,))
    assert "unit" in refused.value.detail
    assert unit not in str(refused.value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(number: float) -> None:
    with pytest.raises(Unusable, match="number"):
        Codebook(None).canonical(CREATININE, "umol/L", (number,))


def test_a_number_too_great_to_convert_is_refused() -> None:
    with pytest.raises(Unusable, match="too great"):
        Codebook(None).canonical(CREATININE, "mol/L", (1e305,))


def test_every_canonical_unit_is_ucum_and_every_code_ends_in_its_check_digit() -> None:
    text = files("federim_pipelines.codes").joinpath("canonical_units.csv").read_text()
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert len(rows) == len({row["loinc"] for row in rows}) > 250
    for row in rows:
        assert ucum(row["ucum"]) == row["ucum"], row
        digits, check = row["loinc"].split("-")
        doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
        assert (-sum(number // 10 + number % 10 for number in doubled)) % 10 == int(check), row


def test_without_a_vocabulary_no_concept_is_invented(site: Home) -> None:
    assert Codebook.open(site).concept_id(CREATININE) == 0


@pytest.mark.parametrize(
    ("code", "system", "concept"),
    [
        ("14682-9", LOINC, 10),
        ("14682-9", "urn:oid:2.16.840.1.113883.6.1", 10),
        ("2160-0", LOINC, 51),  # the valid one of two concepts
        ("C34.1", CIM_10, 20),
        ("C341", CIM_10, 20),
        ("C34.1+2", "http://hl7.org/fhir/sid/icd-10", 20),
        ("E11.2", CIM_10, 0),  # means two concepts together
        ("C34", CIM_10, 0),  # a category is not what it holds
        ("ZBQK001", CCAM, 41),
        ("ZBQK001-01", CCAM, 41),
        ("GLY", "urn:oid:1.2.3.4", 10),  # the site's own map
        ("BAD", "urn:oid:1.2.3.4", 0),  # to a concept that is not standard
        ("14682-9", SNOMED_CT, 0),
        ("14682-9", None, 0),
    ],
)
def test_a_code_means_the_one_standard_concept_it_maps_to(
    codebook: Codebook, code: str, system: str | None, concept: int
) -> None:
    assert codebook.concept_id(Code(code, system)) == concept


def test_a_concept_says_what_it_is_called(codebook: Codebook) -> None:
    assert codebook.code_of(20) == Code("254637007", SNOMED_CT)
    assert codebook.code_of(99) is None
