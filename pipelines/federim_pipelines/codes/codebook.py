"""What a site knows of codes: their concepts, and the units their numbers are kept in."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Self

from federim.home import Home
from federim.lake.concepts import Concepts
from federim_pipelines.codes import systems
from federim_pipelines.codes.code import Code
from federim_pipelines.codes.shapes import CCAM_ACT, CIM_10_CODE
from federim_pipelines.codes.units import conversion, ucum, usable
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

_RECENT_CODES = 100_000

# The vocabulary_id of OMOP under which a system's codes are, the more specific first.
VOCABULARIES: dict[str, tuple[str, ...]] = {
    systems.LOINC: ("LOINC",),
    systems.SNOMED_CT: ("SNOMED",),
    systems.CIM_10: ("CIM10", "ICD10"),
    systems.CCAM: ("CCAM",),
    systems.ATC: ("ATC",),
    systems.CIS: ("BDPM",),
    systems.CIP: ("BDPM",),
    systems.RXNORM: ("RxNorm", "RxNorm Extension"),
    systems.CVX: ("CVX",),
    systems.ICD_O: ("ICDO3",),
    systems.ICD_9_CM: ("ICD9CM",),
    systems.ICD_10_CM: ("ICD10CM",),
    systems.CPT: ("CPT4", "HCPCS"),
    systems.NDC: ("NDC",),
    systems.UCUM: ("UCUM",),
    systems.OMOP_VISIT: ("Visit",),
}


@dataclass(frozen=True, slots=True)
class Canonical:
    """Numbers in one unit; None stays None."""

    numbers: tuple[float | None, ...]
    unit: str | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """The unit a LOINC code's numbers are kept in, and the charge of the ion measured (0 if it is none)."""

    unit: str
    charge: int


class Codebook:
    """Looks codes up, one process and thread."""

    def __init__(self, concepts: Concepts | None) -> None:
        self._concepts = concepts
        self._recent = lru_cache(_RECENT_CODES)(self._look_up)

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the site's vocabulary, if it has loaded one."""
        return cls(Concepts.open(home))

    def close(self) -> None:
        """Let go of the vocabulary's file."""
        if self._concepts is not None:
            self._concepts.close()

    def concept_id(self, code: Code) -> int:
        """The OMOP standard concept of a code; 0 where the vocabulary does not say, or says several."""
        return 0 if self._concepts is None or code.system is None else self._recent(code)

    def code_of(self, concept_id: int) -> Code | None:
        """The code of an OMOP concept; None where the site's vocabulary does not hold it."""
        named = None if self._concepts is None else self._concepts.name(concept_id)
        return None if named is None else Code(named.code, system_of(named.vocabulary))

    def canonical(self, code: Code, unit: str | None, numbers: Sequence[float | None]) -> Canonical:
        """Numbers in the canonical unit of what `code` measures, else in their own, in UCUM.

        Numbers told without a unit, or with one that only the source understands, stay as they are, and
        have none: a comparison that asks for a unit passes them over.

        Raises
        ------
        Unusable
            The unit is none, or numbers in it cannot become numbers in the canonical one.
        """
        told = None if unit is None else ucum(unit)
        if unit is not None and not usable(unit):
            raise Unusable(Reason.VALUE_UNUSABLE, "unit")
        if any(number is not None and not math.isfinite(number) for number in numbers):
            raise Unusable(Reason.VALUE_UNUSABLE, "number")
        if unit is None or all(number is None for number in numbers):
            return Canonical(tuple(numbers), None)
        kept = _canonical_units().get(code.code) if _is_loinc(code) else None
        if kept is None:
            return Canonical(tuple(numbers), told)
        convert = None if told is None else conversion(told, kept.unit, charge=kept.charge)
        if convert is None:
            raise Unusable(
                Reason.VALUE_UNUSABLE,
                f"unit: expected one that becomes {kept.unit}, for LOINC {code.code}",
            )
        converted = tuple(None if number is None else convert(number) for number in numbers)
        if any(number is not None and not math.isfinite(number) for number in converted):
            raise Unusable(Reason.VALUE_UNUSABLE, "number: too great in the canonical unit")
        return Canonical(converted, kept.unit)

    def _look_up(self, code: Code) -> int:
        assert self._concepts is not None and code.system is not None  # `concept_id` asked
        system = systems.system_uri(code.system) or code.system
        vocabularies = VOCABULARIES.get(system, (system,))
        for spelling in spellings(code.code, system):
            for vocabulary in vocabularies:
                if concept := self._concepts.standard(vocabulary, spelling):
                    return concept
        return 0


def spellings(code: str, system: str) -> tuple[str, ...]:
    """How a vocabulary may write a code, the nearest to the source's first.

    CIM-10 is sent without its dot and, in the PMSI, with extensions that are not the WHO's; a CCAM act
    with its activity, phase or descriptive extension. What an extension adds is not lost: the source's
    own spelling stays in the lake.
    """
    if system == systems.CIM_10 and (parts := CIM_10_CODE.fullmatch(code)) is not None:
        category, rest = parts[1].upper(), parts[2].upper()
        return tuple(dict.fromkeys((code, f"{category}.{rest}" if rest else category)))
    if system == systems.CCAM and (act := CCAM_ACT.fullmatch(code)) is not None:
        return tuple(dict.fromkeys((code, act[1].upper())))
    return (code,)


def system_of(vocabulary: str) -> str:
    """The URI of the system whose codes OMOP keeps under a vocabulary_id; that name where there is none."""
    found = next((system for system, names in VOCABULARIES.items() if vocabulary in names), None)
    return found or systems.system_uri(vocabulary) or vocabulary


@cache
def _is_loinc_system(system: str) -> bool:
    return systems.system_uri(system) == systems.LOINC


def _is_loinc(code: Code) -> bool:
    return code.system is not None and _is_loinc_system(code.system)


@cache
def _canonical_units() -> dict[str, _Kept]:
    text = files("federim_pipelines.codes").joinpath("canonical_units.csv").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {row["loinc"]: _Kept(row["ucum"], int(row["charge"] or 0)) for row in csv.DictReader(lines)}
