"""One URI for a code system, however a source calls it."""

from __future__ import annotations

import pytest

from federim_pipelines.codes.systems import CCAM, CIM_10, CIS, DCM, LOINC, SNOMED_CT, UCD, or_oid, system_uri


@pytest.mark.parametrize(
    ("told", "uri"),
    [
        ("2.16.840.1.113883.6.1", LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("LN", LOINC),
        ("http://loinc.org", LOINC),
        ("SNOMED CT", SNOMED_CT),
        ("2.16.840.1.113883.6.3", CIM_10),
        ("CIM-10", CIM_10),
        ("http://hl7.org/fhir/sid/icd-10", CIM_10),
        ("1.2.250.1.213.2.5", CCAM),
        ("1.2.250.1.215.300.1", CCAM),
        ("1.2.840.10008.2.16.4", DCM),
        ("1.2.250.1.213.2.3.1", CIS),
        ("1.2.250.1.213.2.61", UCD),
        ("HL70004", "http://terminology.hl7.org/CodeSystem/v2-0004"),
        ("2.16.840.1.113883.12.78", "http://terminology.hl7.org/CodeSystem/v2-0078"),
    ],
)
def test_oids_names_and_addresses_are_one_system(told: str, uri: str) -> None:
    assert system_uri(told) == uri
    assert system_uri(uri) == uri


def test_the_american_revision_of_icd_10_is_another_system() -> None:
    assert system_uri("2.16.840.1.113883.6.90") == "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.mark.parametrize("told", ["L", "99LAB", "", "1.2.3.4.833", "Martin"])
def test_an_unknown_system_has_no_uri(told: str) -> None:
    assert system_uri(told) is None


def test_an_unknown_oid_is_kept_and_an_unknown_name_is_not() -> None:
    assert or_oid("1.2.3.4.833") == or_oid("urn:oid:1.2.3.4.833") == "urn:oid:1.2.3.4.833"
    assert or_oid("L") is None
    assert or_oid("LN") == LOINC
