"""Units as laboratories write them, and numbers taken from one to another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.codes.units import conversion, ucum


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("mmHg", "mm[Hg]"),
        ("mm Hg", "mm[Hg]"),
        ("µmol/l", "umol/L"),
        ("μmol/L", "umol/L"),
        ("UI/L", "[IU]/L"),
        ("mUI/L", "m[IU]/L"),
        ("kU/L", "kU/L"),
        ("G/L", "10*9/L"),
        ("T/L", "10*12/L"),
        ("x10^9/L", "10*9/L"),
        ("109/L", "10*9/L"),
        ("10³/µL", "10*3/uL"),
        ("10*3/mm3", "10*3/uL"),
        ("/mm3", "/uL"),
        ("mEq/L", "meq/L"),
        ("mOsm/kg", "mosm/kg"),
        ("g/24 h", "g/d"),
        ("mL/min/1,73m²", "mL/min/{1.73_m2}"),
        ("°C", "Cel"),
        ("secondes", "s"),
        ("UFC/mL", "[CFU]/mL"),
        ("kg/m²", "kg/m2"),
        ("{score}", "{score}"),
        ("1", "1"),
        ("[pH]", "[pH]"),
        ("mg/mmol{creat}", "mg/mmol{creat}"),
    ],
)
def test_what_laboratories_write_has_one_ucum_spelling(told: str, written: str) -> None:
    assert ucum(told) == written
    assert ucum(written) == written


@pytest.mark.parametrize("told", ["told by Mrs Martin", "JeanDupont", "n/a", "", "mg/", "10*99999999/L"])
def test_what_is_no_unit_has_none(told: str) -> None:
    assert ucum(told) is None


@pytest.mark.parametrize(
    ("number", "unit", "into", "expected"),
    [
        (95.0, "mg/dL", "g/L", 0.95),
        (1.1, "g/L", "mg/dL", 110.0),
        (98.6, "[degF]", "Cel", 37.0),
        (7.2, "10*9/L", "10*3/uL", 7.2),
        (0.45, "L/L", "%", 45.0),
        (0.667, "ukat/L", "U/L", 40.02),
        (120.0, "m[IU]/L", "u[IU]/mL", 120.0),
        (1.5, "g/(24.h)", "mg/d", 1500.0),
        (70.0, "kg", "g", 70_000.0),
        (16.0, "kPa", "mm[Hg]", 120.00986),
    ],
)
def test_numbers_go_from_one_unit_to_another(number: float, unit: str, into: str, expected: float) -> None:
    convert = conversion(unit, into)
    assert convert is not None
    assert convert(number) == pytest.approx(expected, rel=1e-6)


def test_a_conversion_is_what_one_would_write_by_hand() -> None:
    """0.95 to the last bit: multiplying by a rounded 0.01 would give 0.9500000000000001."""
    convert = conversion("mg/dL", "g/L")
    assert convert is not None
    assert convert(95.0) == 0.95
    convert = conversion("mmol/L", "umol/L")
    assert convert is not None
    assert convert(0.0881) == 88.1


@pytest.mark.parametrize(
    ("unit", "into"),
    [
        ("g/L", "mmol/L"),  # a mass is no amount of substance without the molar mass
        ("mmol/mol", "%"),  # HbA1c of the IFCC and of the NGSP
        ("[IU]/L", "/L"),  # an arbitrary unit is not the number 1
        ("[arb'U]/mL", "[CFU]/mL"),
        ("mm[Hg]", "Cel"),
        ("mg/d", "mg/L"),
        ("{score}", "kg"),
        ("dB", "1"),
    ],
)
def test_what_measures_something_else_cannot_be_converted(unit: str, into: str) -> None:
    assert conversion(unit, into) is None


def test_equivalents_are_moles_by_the_charge_of_the_ion() -> None:
    assert conversion("meq/L", "mmol/L") is None
    one, two = conversion("meq/L", "mmol/L", charge=1), conversion("meq/L", "mmol/L", charge=2)
    assert one is not None and two is not None
    assert (one(140.0), two(5.0)) == (140.0, 2.5)


@pytest.mark.parametrize(
    ("unit", "into", "expected"),
    [
        ("[IU]/L", "U/L", 35.0),
        ("uU/mL", "m[IU]/L", 35.0),
        ("kU/L", "[arb'U]/mL", 35.0),
        ("[IU]/L", "kU/L", 0.035),
    ],
)
def test_a_laboratorys_u_is_the_unit_usual_of_what_it_measures(unit: str, into: str, expected: float) -> None:
    convert = conversion(unit, into)
    assert convert is not None
    assert convert(35.0) == expected


UNITS = st.sampled_from(["g/L", "mg/dL", "mg/L", "ug/mL", "g/dL", "ng/mL", "kg/m3"])
NUMBERS = st.floats(min_value=1e-6, max_value=1e6)


@given(UNITS, UNITS, NUMBERS)
def test_there_and_back_again_is_the_same_number(unit: str, into: str, number: float) -> None:
    there, back = conversion(unit, into), conversion(into, unit)
    assert there is not None and back is not None
    assert back(there(number)) == pytest.approx(number, rel=1e-15)


@given(st.text(max_size=45))
def test_any_text_is_a_unit_or_none_and_never_an_error(told: str) -> None:
    written = ucum(told)
    assert written is None or conversion(written, "mg/dL") is None or ucum(written) is not None
