"""Invent the biology of a visit, which follows the patient's lesion."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from federim.cli.demo.people import Visit

# LOINC code, what it is, UCUM unit, mean and deviation without a lesion, shift of the mean at full burden
ANALYTES = (
    ("1988-5", "C reactive protein", "mg/L", 6.0, 5.0, 34.0),
    ("718-7", "Hemoglobin", "g/dL", 14.0, 1.2, -3.2),
    ("2532-0", "Lactate dehydrogenase", "U/L", 190.0, 40.0, 150.0),
    ("1751-7", "Albumin", "g/L", 42.0, 4.0, -11.0),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One measured value, its code in LOINC and its unit in UCUM."""

    code: str
    name: str
    value: float
    unit: str


def drawn_at(visit: Visit) -> dt.datetime:
    """When the blood was drawn: at half past eight, some days before the examination."""
    return dt.datetime.combine(visit.day - dt.timedelta(days=_dice(visit).randrange(10)), dt.time(8, 30))


def results(visit: Visit) -> list[Result]:
    """The visit's results, the same at every call."""
    dice = _dice(visit)
    dice.randrange(10)  # the days of `drawn_at`
    return [
        Result(
            code,
            name,
            round(max(0.1, dice.gauss(mean + shift * visit.patient.burden, deviation)), 1),
            unit,
        )
        for code, name, unit, mean, deviation, shift in ANALYTES
    ]


def _dice(visit: Visit) -> random.Random:
    return random.Random(visit.seed)  # noqa: S311 — repeatability, not secrecy
