"""A code of a system that checks is one of it, or none."""

from __future__ import annotations

import pytest

from federim_pipelines.codes.code import Code, is_system, is_unit
from federim_pipelines.codes.shapes import coded
from federim_pipelines.codes.systems import ATC, CCAM, CIM_10, LOINC, SNOMED_CT, system_uri

PATIENT_CLASS = system_uri("HL70004")
INS = "269054958815780"


@pytest.mark.parametrize(
    ("told", "system"),
    [
        ("14682-9", LOINC),
        ("LA6576-8", LOINC),
        ("22298006", SNOMED_CT),
        ("428341000124108", SNOMED_CT),
        ("C34.1", CIM_10),
        ("C341", CIM_10),
        ("B95.6+8", CIM_10),
        ("ZBQK002", CCAM),
        ("ZBQK002-010", CCAM),
        ("N02BE01", ATC),
        ("N02", ATC),
        ("I", PATIENT_CLASS),
        ("CREAT", None),
        ("CREAT", "urn:oid:1.2.3"),
    ],
)
def test_a_code_of_a_system_is_kept(told: str, system: str | None) -> None:
    assert coded(told, system) == Code(told, system)


@pytest.mark.parametrize("system", [LOINC, SNOMED_CT, CIM_10, CCAM, ATC, PATIENT_CLASS])
@pytest.mark.parametrize("told", ["MARTIN", "0612345678", INS, "8004177193", "Martin-Durand"])
def test_a_name_or_number_of_a_person_is_none_of_a_system_that_checks(told: str, system: str) -> None:
    assert coded(told, system) is None


@pytest.mark.parametrize("told", ["22298007", "22298060", "2229800", "022298006", "1234567890123456789"])
def test_a_number_whose_key_is_another_is_no_snomed_code(told: str) -> None:
    assert coded(told, SNOMED_CT) is None


@pytest.mark.parametrize("told", [INS, "2.69.05.49.588.157.80"])
@pytest.mark.parametrize("system", [None, "urn:oid:1.2.3"])
def test_an_ins_is_neither_a_code_nor_a_unit(told: str, system: str | None) -> None:
    assert coded(told, system) is None
    assert not is_unit(told)
    assert coded(f"{INS[:-1]}1", system) is not None, "and fifteen digits without its key are"


def test_a_system_is_told_by_a_uri() -> None:
    assert is_system("https://example.org/codes")
    assert is_system("urn:oid:1.2.3")
    assert not is_system("MARTIN")
    assert not is_system("https://example.org/of Martin")
