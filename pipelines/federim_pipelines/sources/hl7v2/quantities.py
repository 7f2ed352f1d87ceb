"""Read the numbers, and the limits of normal, that laboratories write."""

from __future__ import annotations

import re

from federim_pipelines.sources.hl7v2.segments import Value

# A comma is a decimal one unless three digits follow it: then it may as well group thousands.
_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*|,(?:[0-9]{1,2}|[0-9]{4,}))?"
_MEASURED = re.compile(rf"(?P<operator><=?|>=?|≤|≥)?\s*(?P<number>{_NUMBER})")
_BETWEEN = re.compile(rf"\[?\s*(?P<low>{_NUMBER})\s*(?:-|–|;|à)\s*(?P<high>{_NUMBER})\s*\]?")
_OPERATORS = {"≤": "<=", "≥": ">="}

Measured = tuple[str | None, float]  # operator, number


def measured(text: str) -> Measured | None:
    """A number, with the operator before it where the device's range was left; None if it is anything else.

    References
    ----------
    HL7 v2.5, 2.A.46 (NM).
    """
    told = _MEASURED.fullmatch(text.strip())
    if told is None:
        return None
    operator = told["operator"]
    return _OPERATORS.get(operator, operator), _number(told["number"])


def structured(value: Value) -> Measured | None:
    """The number of an SN; None if it is a range, a ratio or a sum: two numbers are no value.

    References
    ----------
    HL7 v2.5, 2.A.69 (SN).
    """
    operator, separator, second = value(1), value(3), value(4)
    if separator or second or operator not in ("", "<", "<=", ">", ">=", "="):
        return None
    return measured(f"{operator.removeprefix('=')}{value(2)}")


def limits(text: str) -> tuple[float | None, float | None]:
    """The limits of normal, low and high, of OBX-7; what cannot be read tells none.

    References
    ----------
    HL7 v2.5, 7.4.2.7.
    """
    between = _BETWEEN.fullmatch(text.strip())
    if between is not None:
        return _number(between["low"]), _number(between["high"])
    one = measured(text)
    if one is None or one[0] is None:
        return None, None
    return (None, one[1]) if one[0].startswith("<") else (one[1], None)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
