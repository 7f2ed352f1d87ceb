"""Choose, among the codings a source gives for one fact, the one a researcher would look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from federim_pipelines.codes.code import Code, is_code, is_system

LOINC = ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1")
SNOMED_CT = ("http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96")
CIM_10 = (
    "https://smt.esante.gouv.fr/terminologie-cim-10",
    "http://hl7.org/fhir/sid/icd-10",
    "urn:oid:2.16.840.1.113883.6.3",
    "http://hl7.org/fhir/sid/icd-10-cm",
)
CCAM = (
    "https://smt.esante.gouv.fr/terminologie-ccam",
    "urn:oid:1.2.250.1.213.2.5",
    "http://www.ameli.fr/ccam",
)

MEASURED = (*LOINC, *SNOMED_CT)
DIAGNOSED = (*CIM_10, *SNOMED_CT)
DONE = (*CCAM, *SNOMED_CT)


def preferred(concept: Mapping[str, Any] | None, systems: Sequence[str]) -> Code | None:
    """The coding of a FHIR CodeableConcept whose system comes first in `systems`, else its first coding.

    The text of a concept is never used, nor text in the place of a code or system: what is written by hand
    may name a person.

    References
    ----------
    HL7 FHIR R4, 2.24.0.6, CodeableConcept.
    """
    codings = [coding for coding in (concept or {}).get("coding", ()) if _is_coded(coding)]
    if not codings:
        return None
    rank = {system: place for place, system in enumerate(systems)}
    best = min(codings, key=lambda coding: rank.get(coding.get("system", ""), len(rank)))
    return Code(best["code"], best.get("system"))


def has_code(concept: Mapping[str, Any] | None, codes: frozenset[str]) -> bool:
    """Whether one of the concept's codings is among `codes`, of whatever system."""
    return any(coding.get("code") in codes for coding in (concept or {}).get("coding", ()))


def columns(noun: str, code: Code) -> dict[str, Any]:
    """The OMOP trio of columns: concept 0, since the site holds no vocabulary to look it up in."""
    return {
        f"{noun}_concept_id": 0,
        f"{noun}_source_value": code.code,
        f"{noun}_source_system": code.system,
    }


def _is_coded(coding: Mapping[str, Any]) -> bool:
    code, system = coding.get("code"), coding.get("system")
    return (
        isinstance(code, str)
        and is_code(code)
        and (system is None or (isinstance(system, str) and is_system(system)))
    )
