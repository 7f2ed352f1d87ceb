"""An INS is read whole, or refused without being repeated."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.identity import ins
from federim.model.errors import IdentityError
from federim.model.identifiers import IdentityStatus, Ins, NationalId, Sex

departments = st.one_of(st.from_regex("[0-9]{2}", fullmatch=True), st.sampled_from(["2A", "2B"]))
matricules = st.builds(
    "".join,
    st.tuples(
        st.from_regex("[1-8][0-9]{4}", fullmatch=True),
        departments,
        st.from_regex("[0-9]{6}", fullmatch=True),
    ),
)


def national(value: str, oid: str = ins.NIR) -> NationalId:
    return NationalId(oid=oid, value=Ins(value), status=IdentityStatus.QUALIFIED)


@pytest.mark.parametrize(
    "published",
    ["279035121518989", "248039263001064"],  # ANS examples for HL7 v2 and CDA
)
def test_published_examples_have_the_right_key(published: str) -> None:
    assert ins.with_key(published[:13]) == published
    assert ins.parse(published) == published


@pytest.mark.parametrize(
    ("matricule", "as_number"), [("285052A004123", 2850519004123), ("285052B004123", 2850518004123)]
)
def test_corsica_counts_as_19_and_18(matricule: str, as_number: int) -> None:
    assert ins.with_key(matricule) == f"{matricule}{97 - as_number % 97:02d}"


@given(matricule=matricules)
def test_key_makes_the_number_divisible_by_97(matricule: str) -> None:
    written = ins.parse(ins.with_key(matricule))
    digits = written.replace("2A", "19", 1) if matricule[5:7] == "2A" else written
    digits = digits.replace("2B", "18", 1) if matricule[5:7] == "2B" else digits
    assert (int(digits[:13]) + int(digits[13:])) % 97 == 0
    assert 1 <= int(digits[13:]) <= 97


@given(matricule=matricules, position=st.integers(0, 14), digit=st.sampled_from("0123456789"))
def test_any_single_mistyped_digit_is_refused(matricule: str, position: int, digit: str) -> None:
    right = ins.with_key(matricule)
    mistyped = right[:position] + digit + right[position + 1 :]
    if mistyped == right or (position in (5, 6) and matricule[5:7] in ("2A", "2B")):
        return
    with pytest.raises(IdentityError):
        ins.parse(mistyped)


@given(matricule=matricules)
def test_spaces_and_lower_case_do_not_matter(matricule: str) -> None:
    right = ins.with_key(matricule)
    spaced = f" {right[0]} {right[1:3]} {right[3:5]} {right[5:7]} {right[7:10]} {right[10:13]} {right[13:]} "
    assert ins.parse(spaced.lower()) == right


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "2850578006084",
        "28505780060849100",
        "985057800608436",
        "28505780060849X",
        "285052C00412300",
        "28505２800608491",  # a full-width digit
        "285057800608400",
    ],
)
def test_what_is_malformed_is_refused_and_not_repeated(malformed: str) -> None:
    with pytest.raises(IdentityError) as refusal:
        ins.parse(malformed)
    assert not malformed or malformed not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("oid", [ins.NIR, ins.NIA])
def test_real_authorities_are_accepted_everywhere(oid: str) -> None:
    assert ins.check(national("2 79 03 51 215 189 89", oid), test_identities=False) == national(
        "279035121518989", oid
    )


@pytest.mark.parametrize("oid", [ins.TEST, ins.DEMO])
def test_test_identities_are_for_test_homes(oid: str) -> None:
    with pytest.raises(IdentityError, match="test_identities"):
        ins.check(national("279035121518989", oid), test_identities=False)
    assert ins.check(national("279035121518989", oid), test_identities=True).oid == oid


def test_an_authority_of_something_else_is_refused_and_not_repeated() -> None:
    with pytest.raises(IdentityError) as refusal:
        ins.check(national("279035121518989", "1.2.3 DUPONT"), test_identities=True)
    assert "DUPONT" not in str(refusal.value)


def test_the_old_ins_c_is_refused_for_what_it_is() -> None:
    with pytest.raises(IdentityError, match="INS-C, computed from an insurance card"):
        ins.check(national("279035121518989", "1.2.250.1.213.1.4.2"), test_identities=True)
    with pytest.raises(IdentityError, match="22 characters, as of the old INS-C"):
        ins.parse("1541187387477485562488")


def test_a_matricule_without_its_key_is_told_so() -> None:
    with pytest.raises(IdentityError, match="without its key"):
        ins.parse("2790351215189")


@pytest.mark.parametrize(
    ("matricule", "sex", "month", "territory"),
    [
        pytest.param("2790351215189", Sex.FEMALE, 3, "51", id="a woman of the Marne"),
        pytest.param("1850597105123", Sex.MALE, 5, "971", id="a man of Guadeloupe"),
        pytest.param("2850598735123", Sex.FEMALE, 5, "987", id="a woman of French Polynesia"),
        pytest.param("285052A004123", Sex.FEMALE, 5, "2A", id="a woman of Corse-du-Sud"),
        pytest.param("7850599352123", Sex.MALE, 5, "99", id="a temporary number of a man born abroad"),
        pytest.param("8852099109123", Sex.FEMALE, None, "99", id="a month that was not known"),
    ],
)
def test_an_ins_tells_of_a_birth(matricule: str, sex: Sex, month: int | None, territory: str) -> None:
    birth = ins.birth_of(ins.with_key(matricule))
    assert (birth.sex, birth.month, birth.territory) == (sex, month, territory)
    assert birth.year == int(matricule[1:3])
    assert matricule[5:10] not in repr(birth)


@pytest.mark.parametrize(
    ("matricule", "record", "agrees"),
    [
        pytest.param("2790351215189", "51215", True, id="the same commune"),
        pytest.param("2790351215189", "51454", True, id="another commune: they merge"),
        pytest.param("2790351215189", "75056", False, id="another department"),
        pytest.param("2790351215189", "99109", False, id="abroad"),
        pytest.param("2790351215189", "99999", True, id="a place not known"),
        pytest.param("2790351215189", "Reims", True, id="a name tells no code"),
        pytest.param("2790351215189", "", True, id="nothing told"),
        pytest.param("2790399109189", "99127", True, id="countries part and merge"),
        pytest.param("2550320004123", "2A004", True, id="Corsica before 1976"),
        pytest.param("285052A004123", "2b033", False, id="the other half of Corsica since"),
        pytest.param("1550375056123", "92012", True, id="the Seine before 1968"),
        pytest.param("1550378297123", "91228", True, id="Seine-et-Oise before 1968"),
        pytest.param("1550375056123", "78646", False, id="one is not the other"),
        pytest.param("1550391352123", "99352", True, id="Algeria before its independence"),
        pytest.param("1850597105123", "97105", True, id="Guadeloupe"),
        pytest.param("1850597105123", "97209", False, id="another island"),
        pytest.param("1850597127123", "97801", True, id="Saint-Martin, once of Guadeloupe"),
        pytest.param("1850598511123", "97611", True, id="Mayotte, once 985"),
    ],
)
def test_birth_places_are_held_together_by_territory(matricule: str, record: str, agrees: bool) -> None:
    value = ins.with_key(matricule)
    said = ins.contradictions(value, birth_date=None, sex=None, birth_place=record)
    assert said == (() if agrees else ("place",))


@given(matricule=matricules, birth=st.dates(), sex=st.sampled_from(Sex))
def test_a_record_contradicts_exactly_what_it_tells_otherwise(
    matricule: str, birth: dt.date, sex: Sex
) -> None:
    value = ins.with_key(matricule)
    told = ins.birth_of(value)
    said = ins.contradictions(value, birth_date=birth, sex=sex, birth_place=matricule[5:10])
    assert ("sex" in said) == (sex is not told.sex)
    assert ("birth" in said) == (
        birth.year % 100 != told.year or (told.month is not None and birth.month != told.month)
    )
    assert "place" not in said
    assert ins.contradictions(value, birth_date=None, sex=None) == ()
