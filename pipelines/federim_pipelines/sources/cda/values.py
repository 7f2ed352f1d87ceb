"""Read what an observation found: a number, a code or a truth, never a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from federim_pipelines.codes.code import Code, best
from federim_pipelines.codes.systems import LOINC, SNOMED_CT
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.cda.datatypes import child, children, codes, data_type, number_of
from federim_pipelines.sources.cda.parsing import Element
from federim_pipelines.sources.cda.statements import Skipped

MEASURED = (LOINC, SNOMED_CT)

# What a laboratory writes where its device's range was left; a sentence does not have this shape.
_COMPARED = re.compile(r"\s*([<>]=?)\s*([0-9]+(?:[.,][0-9]+)?)\s*([!-~µμ°²³‰]{1,40})\s*")
_CODED = frozenset({"CD", "CE", "CV", "CO", "CS", "SC"})
_NUMBERS = frozenset({"PQ", "INT", "REAL"})
_TEXTS = frozenset({"ST", "ED"})
_TIMES = frozenset({"TS", "IVL_TS", "EIVL_TS", "PIVL_TS"})
_TYPES = frozenset({"RTO", "RTO_PQ_PQ", "RTO_QTY_QTY", "IVL_INT", "IVL_REAL", "MO", "II", "TEL", "URL", "PN"})
# Interpretations that only say where a number lies in its range, which its limits say as well.
_IN_RANGE = frozenset({"N", "A", "AA", "H", "HH", "HX", "HU", "L", "LL", "LX", "LU"} | set("<>BWUD"))


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an observation."""

    number: float | None = None
    operator: str | None = None
    unit: str | None = None
    code: Code | None = None  # beside a number: what it means, as resistant does of a concentration
    truth: bool | None = None


def value_of(value: Element, meaning: Code | None) -> Value:
    """What a `value` says.

    Parameters
    ----------
    meaning : Code, optional
        The `interpretation` of its observation.

    Raises
    ------
    Skipped
        It says nothing, or only as a text or a date.
    Unusable
        It is of a data type that no column takes, or a number that is none.

    References
    ----------
    HL7 v3 data types R1; HL7 CDA R2, 4.3.6.1, Observation.value.
    """
    kind = data_type(value)
    if kind in _NUMBERS:
        number = number_of(value, f"observation/value[{kind}]")
        if number is not None:
            return Value(number, None, value.get("unit") or None, meaning)
    elif kind == "IVL_PQ":
        if (limit := _limit(value)) is not None:
            return Value(*limit, meaning)
    elif kind == "BL":
        if (truth := {"true": True, "false": False}.get(value.get("value", ""))) is not None:
            return Value(code=meaning, truth=truth)
    elif kind in _CODED:
        if (code := best(codes(value), MEASURED)) is not None:
            return Value(code=code)
    elif kind in _TEXTS:
        if (compared := _COMPARED.fullmatch(value.text or "")) is not None:
            operator, digits, unit = compared.groups()
            return Value(float(digits.replace(",", ".")), operator, unit, meaning)
    elif kind not in _TIMES:
        # The type comes from the file, so only the names HL7 gives are repeated.
        raise Unusable(Reason.VALUE_UNUSABLE, f"observation/value[{kind if kind in _TYPES else 'xsi:type'}]")
    if meaning is not None:
        return Value(code=meaning)
    raise Skipped(_what_it_has(value, kind))


def interpretation_of(observation: Element) -> Code | None:
    """The first interpretationCode that says more than where a number lies in its range."""
    told = [code for concept in children(observation, "interpretationCode") for code in codes(concept)]
    return next((code for code in told if code.code not in _IN_RANGE), None)


def limits_of(observation: Element, unit: str | None) -> tuple[float | None, float | None]:
    """Limits of normal (low, high) in `unit`; None where there is none, or none in that unit.

    Raises
    ------
    Unusable
        A limit is no finite number.
    """
    ranges = children(observation, "referenceRange", "observationRange")
    normal = [one for one in ranges if _says_normal(one)]
    for told in normal or (ranges[:1] if len(ranges) == 1 else ()):
        value = child(told, "value")
        if value is not None and data_type(value) in ("IVL_PQ", "IVL_REAL", "IVL_INT"):
            return _bound(value, "low", unit), _bound(value, "high", unit)
    return None, None


def _says_normal(told: Element) -> bool:
    code = child(told, "interpretationCode")
    return code is not None and code.get("code") == "N"


def _bound(interval: Element, name: str, unit: str | None) -> float | None:
    bound = child(interval, name)
    if bound is None:
        return None
    for told in (bound, *children(bound, "translation")):
        if (told.get("unit") or None) == unit:
            return number_of(told, "observationRange/value")
    return None


def _limit(interval: Element) -> tuple[float, str, str | None] | None:
    """An interval with one end, as a number and how a result compares with it."""
    told = [
        (number, name, bound)
        for name in ("low", "high")
        if (bound := child(interval, name)) is not None
        and (number := number_of(bound, "observation/value[IVL_PQ]")) is not None
    ]
    if len(told) > 1:
        raise Unusable(Reason.VALUE_UNUSABLE, "observation/value[IVL_PQ] with two limits")
    for number, name, bound in told:
        operator = (">" if name == "low" else "<") + ("=" if bound.get("inclusive") != "false" else "")
        return number, operator, bound.get("unit") or None
    return None


def _what_it_has(value: Element, kind: str) -> str:
    if kind in _TIMES:
        return "date"
    if child(value, "originalText") is not None or (kind in _TEXTS and "".join(value.itertext()).strip()):
        return "text"
    return "without value"
