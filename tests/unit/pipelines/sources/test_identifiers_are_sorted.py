"""Which identifiers name a person, whose they are, and how far an INS was checked."""

from __future__ import annotations

import datetime as dt

import pytest

from federim.model.identifiers import IdentityStatus, LocalId, NationalId, PatientIdentity, Sex
from federim_pipelines.sources.identifiers import Told, authority_of, identity_of, reliability, sex_of

NIR, NIA, NIR_TEST = (f"1.2.250.1.213.1.4.{arc}" for arc in (8, 9, 10))


def told(value: str, authority: str = "", *types: str) -> Told:
    return Told(value=value, authority=authority, types=frozenset(types))


def untyped(value: str, authority: str = "") -> Told:
    return Told(value=value, authority=authority)


def local_of(identity: PatientIdentity | None) -> set[tuple[str, str]]:
    return {(each.issuer, each.value) for each in identity.local} if identity else set()


@pytest.mark.parametrize("type_", ["INS", "INS-NIR", "INS-NIA"])
@pytest.mark.parametrize("authority", [NIR, f"urn:oid:{NIR}", f"URN:OID:{NIR}", "ASIP-SANTE-INS-NIR"])
def test_an_ins_is_known_by_authority_and_type(type_: str, authority: str) -> None:
    found = identity_of([told("1", authority, type_)], status=IdentityStatus.QUALIFIED)
    assert found == PatientIdentity(national=NationalId(oid=NIR, value="1", status=IdentityStatus.QUALIFIED))


@pytest.mark.parametrize("types", [("NH",), ("NH", "INS"), ("INS-C",), ()])
def test_what_else_bears_the_authority_of_the_ins_is_none(types: tuple[str, ...]) -> None:
    assert identity_of([told("1", NIR, *types)]) is None


def test_where_a_format_has_no_types_the_authority_says_it_all() -> None:
    found = identity_of([untyped("1", NIR_TEST)])
    assert found is not None and found.national is not None and found.national.oid == NIR_TEST


@pytest.mark.parametrize("order", [1, -1])
def test_the_definitive_ins_counts_before_the_one_a_person_waits_with(order: int) -> None:
    found = identity_of([told("9", NIA, "INS-NIA"), told("8", NIR, "INS-NIR")][::order])
    assert found is not None and found.national is not None and found.national.value == "8"


def test_of_two_of_a_kind_the_first_counts() -> None:
    found = identity_of([told("a", NIR, "INS"), told("b", NIR, "INS")])
    assert found is not None and found.national is not None and found.national.value == "a"


def test_the_first_register_is_the_sites_own_and_another_keeps_its_name() -> None:
    found = identity_of([told("1", "CHU", "PI"), told("2", "OTHER", "PI"), told("3", "CHU", "PI")])
    assert local_of(found) == {("", "1"), ("OTHER", "2"), ("", "3")}


def test_a_number_without_authority_counts_if_its_type_or_its_format_makes_it_the_registers() -> None:
    assert local_of(identity_of([told("1", "", "MR")])) == {("", "1")}
    assert local_of(identity_of([untyped("1")], issuer="elsewhere")) == {("elsewhere", "1")}
    assert identity_of([told("1", "", "EPI")]) is None


def test_any_other_number_belongs_to_its_authority() -> None:
    assert local_of(identity_of([told("1", "urn:oid:1.2.3"), untyped("2", "1.2.3")])) == {
        ("1.2.3", "1"),
        ("1.2.3", "2"),
    }


@pytest.mark.parametrize("type_", ["NH", "MB", "SN", "AN", "VN"])
def test_numbers_of_families_policies_and_stays_name_nobody(type_: str) -> None:
    assert identity_of([told("1", "CHU", type_)]) is None


def test_birth_and_sex_go_with_the_identity() -> None:
    found = identity_of([untyped("1")], birth_date=dt.date(1961, 4, 9), sex=Sex.FEMALE)
    assert found == PatientIdentity(
        local=(LocalId(issuer="", value="1"),), birth_date=dt.date(1961, 4, 9), sex=Sex.FEMALE
    )


def test_blanks_are_no_identifiers() -> None:
    assert identity_of([untyped("  "), told("", "CHU", "PI")]) is None


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        (["VALI"], IdentityStatus.QUALIFIED),
        (["vali "], IdentityStatus.QUALIFIED),
        (["VALI", "HOMD"], IdentityStatus.QUALIFIED),
        (["VALI", "DOUB"], IdentityStatus.PROVISIONAL),
        (["USUR"], IdentityStatus.PROVISIONAL),
        (["RECUP"], IdentityStatus.RETRIEVED),
        (["QUAL"], IdentityStatus.QUALIFIED),
        (["PROV"], IdentityStatus.PROVISIONAL),
        (["VIDE"], IdentityStatus.PROVISIONAL),
        ([], IdentityStatus.PROVISIONAL),
    ],
)
def test_an_ins_beside_a_validated_identity_is_qualified_unless_it_is_in_doubt(
    codes: list[str], status: IdentityStatus
) -> None:
    assert reliability(codes) is status


def test_authorities_have_one_spelling() -> None:
    assert {authority_of(text) for text in ("1.2.3", " urn:oid:1.2.3", "URN:OID:1.2.3")} == {"1.2.3"}
    assert authority_of("http://example.org/ipp") == "http://example.org/ipp"


@pytest.mark.parametrize(
    ("code", "sex"), [("M", Sex.MALE), ("female", Sex.FEMALE), ("O", None), (None, None)]
)
def test_the_sex_is_one_the_ins_knows_or_none(code: str | None, sex: Sex | None) -> None:
    assert sex_of(code) is sex


def test_identifiers_are_never_shown() -> None:
    assert "SECRET" not in repr(told("SECRET", NIR, "INS"))
