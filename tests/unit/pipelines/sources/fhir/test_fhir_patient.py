"""Who a FHIR Patient is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from federim.model.identifiers import IdentityStatus, Sex
from federim_pipelines.sources.fhir.patient import identity_of, referred
from federim_pipelines.sources.fhir.references import canonical_reference

NIR = "urn:oid:1.2.250.1.213.1.4.8"
TABLE_0445 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445"
FOUR_STATUSES = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-identity-reliability"


def identifier(value: str, *, system: str = "", type_: str = "") -> dict[str, Any]:
    return {"system": system, "value": value, "type": {"coding": [{"code": type_}]}}


def patient(*identifiers: dict[str, Any], code: str = "", system: str = FOUR_STATUSES) -> dict[str, Any]:
    status = {"url": "identityStatus", "valueCoding": {"system": system, "code": code}}
    url = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability"
    return {
        "resourceType": "Patient",
        "identifier": list(identifiers),
        "extension": [{"url": url, "extension": [status]}] if code else [],
    }


@pytest.mark.parametrize(
    ("code", "system", "status"),
    [
        ("QUAL", FOUR_STATUSES, IdentityStatus.QUALIFIED),
        ("VALI", FOUR_STATUSES, IdentityStatus.VALIDATED),
        ("VALI", TABLE_0445, IdentityStatus.QUALIFIED),
        ("RECUP", FOUR_STATUSES, IdentityStatus.RETRIEVED),
        ("PROV", TABLE_0445, IdentityStatus.PROVISIONAL),
        ("DOUB", TABLE_0445, IdentityStatus.PROVISIONAL),
        ("", "", IdentityStatus.PROVISIONAL),
    ],
)
def test_an_ins_is_as_sure_as_the_french_extension_says(
    code: str, system: str, status: IdentityStatus
) -> None:
    found = identity_of(patient(identifier("1", system=NIR, type_="INS-NIR"), code=code, system=system))
    assert found is not None
    assert found.national is not None
    assert (found.national.oid, found.national.status) == ("1.2.250.1.213.1.4.8", status)


@pytest.mark.parametrize("type_", ["NH", "", "SN"])
def test_a_number_under_the_ins_authority_is_an_ins_by_its_type_alone(type_: str) -> None:
    """The insured's NSS is issued under the same OID, and a child has its parent's: it names nobody."""
    assert identity_of(patient(identifier("1", system=NIR, type_=type_), code="QUAL")) is None


def test_the_number_of_an_insurance_policy_names_a_family_and_so_nobody() -> None:
    for type_ in ("NH", "MB", "SN"):
        assert identity_of(patient(identifier("7", system="urn:insurer", type_=type_))) is None


def test_a_definitive_ins_is_preferred_to_one_people_wait_with() -> None:
    waiting = identifier("2", system="urn:oid:1.2.250.1.213.1.4.9", type_="INS-NIA")
    definitive = identifier("1", system=NIR, type_="INS-NIR")
    for order in ((waiting, definitive), (definitive, waiting)):
        found = identity_of(patient(*order))
        assert found is not None
        assert found.national is not None
        assert found.national.oid.endswith(".8")


@pytest.mark.parametrize("type_", ["PI", "MR"])
def test_a_register_number_is_the_sites_own_whatever_its_system(type_: str) -> None:
    found = identity_of(patient(identifier("7", system="urn:oid:1.2.3", type_=type_)))
    assert found is not None
    assert [(each.issuer, each.value) for each in found.local] == [("", "7")]


def test_another_identifier_is_under_its_system_and_the_resource_id_under_fhir() -> None:
    told = patient(identifier("7", system="urn:lab")) | {"id": "p1"}
    found = identity_of(told, "urn:uuid:0ce18c7d-fd78-46d9-81b5-8bed231c337a")
    assert found is not None
    assert {(each.issuer, each.value) for each in found.local} == {
        ("urn:lab", "7"),
        ("fhir", "Patient/p1"),
        ("fhir", "urn:uuid:0ce18c7d-fd78-46d9-81b5-8bed231c337a"),
    }


def test_an_identifier_nobody_issued_names_nobody() -> None:
    assert identity_of(patient(identifier("7"))) is None


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("Patient/p1", "Patient/p1"),
        ("https://ehr.example/fhir/Patient/p1", "Patient/p1"),
        ("Patient/p1/_history/4", "Patient/p1"),
        ("urn:uuid:0CE18C7D-fd78-46d9-81b5-8bed231c337a", "urn:uuid:0ce18c7d-fd78-46d9-81b5-8bed231c337a"),
        ("urn:uuid:patient-1", ""),
        ("Group/p1", ""),
        ("Patient?identifier=a|b", ""),
        ("#p1", ""),
    ],
)
def test_a_reference_has_one_spelling(reference: str, name: str) -> None:
    assert canonical_reference(reference) == name


def test_a_logical_reference_means_who_bears_the_identifier() -> None:
    found = referred({"identifier": identifier("7", system="urn:oid:1.2.3", type_="PI")})
    assert found is not None
    assert [(each.issuer, each.value) for each in found.local] == [("", "7")]


def test_birth_and_sex_are_told_beside_the_ins_as_far_as_they_are_known() -> None:
    """A year alone would contradict the month that an INS holds."""
    told = patient(identifier("7", type_="PI")) | {"gender": "female", "birthDate": "1961-04-09"}
    found, vague = identity_of(told), identity_of(told | {"gender": "other", "birthDate": "1961"})
    assert found is not None
    assert vague is not None
    assert (found.birth_date, found.sex) == (dt.date(1961, 4, 9), Sex.FEMALE)
    assert (vague.birth_date, vague.sex) == (None, None)


def test_two_issuers_count_their_patients_apart() -> None:
    told = patient(identifier("7", system="urn:oid:1.2.3", type_="PI")) | {"id": "1"}
    found = identity_of(told, issuer="urn:clinic")
    assert found is not None
    assert {(each.issuer, each.value) for each in found.local} == {
        ("urn:clinic", "7"),
        ("fhir urn:clinic", "Patient/1"),
    }
