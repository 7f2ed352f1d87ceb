"""An INS is read whole, or refused without being repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.identity import ins
from federim.model.errors import IdentityError
from federim.model.identifiers import IdentityStatus, Ins, NationalId

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
