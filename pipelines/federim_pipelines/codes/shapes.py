"""Tell what cannot be a code of a system, so that no name or number in a code's place passes for one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from federim_pipelines.codes.code import Code, is_code, is_national_number
from federim_pipelines.codes.systems import ATC, CCAM, CIM_10, LOINC, SNOMED_CT, system_uri

CIM_10_CODE: Final = re.compile(r"([A-Z][0-9]{2})\.?([0-9A-Z]*)(?:[+*†].*)?", re.IGNORECASE)
CCAM_ACT: Final = re.compile(r"([A-Z]{4}[0-9]{3})(?:[-+./ ]?[0-9A-Z]{1,4})*", re.IGNORECASE)
# Parts and answers have letters before. A laboratory's slip in the last digit is its own, not a patient's.
_LOINC: Final = re.compile(r"(?:L[A-Z]{1,2})?[0-9]{1,7}-[0-9]")
_ATC: Final = re.compile(r"[A-Z](?:[0-9]{2}(?:[A-Z]{1,2}(?:[0-9]{2})?)?)?", re.IGNORECASE)
_SNOMED_CT: Final = re.compile(r"[1-9][0-9]{5,17}")
_PATIENT_CLASS: Final = re.compile(r"[A-Z0-9]{1,3}", re.IGNORECASE)

# Verhoeff's permutation of the ten digits, applied once more for each place away from the last.
_PERMUTED: Final = (
    *("0123456789", "1576283094", "5803796142", "8916043527"),
    *("9453126870", "4286573901", "2793806415", "7046913258"),
)


def coded(told: str, system: str | None) -> Code | None:
    """The code a source tells, with the URI of its system; None where it cannot be one of that system.

    Nothing but its own shape holds a local code. An INS is none, whatever the system, unless it is SNOMED
    CT's, whose own numbers of 15 digits have a key of their own.
    """
    if not is_code(told):
        return None
    shape = _SHAPES.get(system or "")
    fits = not is_national_number(told) if shape is None else shape(told)
    return Code(told, system) if fits else None


def _is_snomed_ct(told: str) -> bool:
    """Whether a number has the length and the key of an SCTID.

    References
    ----------
    SNOMED International, Release File Specification, 5.5 (Verhoeff's dihedral check).
    """
    if _SNOMED_CT.fullmatch(told) is None:
        return False
    check = 0
    for place, digit in enumerate(reversed(told)):
        check = _turned(check, int(_PERMUTED[place % 8][int(digit)]))
    return check == 0


def _turned(one: int, other: int) -> int:
    """The product of two elements of the symmetry group of a pentagon: 0 to 4 turn, 5 to 9 turn it over."""
    sign = 1 if one < 5 else -1
    return (one + sign * other) % 5 + 5 * ((one < 5) != (other < 5))


def _shaped(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda told: pattern.fullmatch(told) is not None


_SHAPES: Final[dict[str, Callable[[str], bool]]] = {
    LOINC: _shaped(_LOINC),
    SNOMED_CT: _is_snomed_ct,
    CIM_10: _shaped(CIM_10_CODE),
    CCAM: _shaped(CCAM_ACT),
    ATC: _shaped(_ATC),
    system_uri("HL70004") or "": _shaped(_PATIENT_CLASS),
}
