"""Choose, among the codings FHIR gives for one fact, the one a researcher would look for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from federim_pipelines.codes import shapes
from federim_pipelines.codes.code import Code, best, is_system
from federim_pipelines.codes.systems import (
    ATC,
    CCAM,
    CIM_10,
    CIS,
    DCM,
    LOINC,
    RXNORM,
    SNOMED_CT,
    UCD,
    system_uri,
)

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
EDQM = "http://standardterms.edqm.eu"

MEASURED = (LOINC, SNOMED_CT)
DIAGNOSED = (CIM_10, ICD_10_CM, SNOMED_CT)
DONE = (CCAM, SNOMED_CT)
GIVEN = (ATC, UCD, CIS, RXNORM, SNOMED_CT)
SITES = (SNOMED_CT,)
FOUND = (SNOMED_CT, CIM_10)
SPECIMENS = (SNOMED_CT,)
ROUTES = (SNOMED_CT, EDQM)
MODALITIES = (DCM,)


def preferred(concept: Mapping[str, Any] | None, systems: Sequence[str]) -> Code | None:
    """The coding of a CodeableConcept whose system comes first in `systems`, else its first coding.

    The text of a concept is never used, nor text in the place of a code or system: what is written by hand
    may name a person.

    References
    ----------
    HL7 FHIR R4, 2.24.0.6, CodeableConcept.
    """
    told = (coded(coding) for coding in (concept or {}).get("coding", ()))
    return best((code for code in told if code is not None), systems)


def coded(coding: Mapping[str, Any] | None) -> Code | None:
    """A Coding, its system by the URI that stands for it; None if it holds text in the place of a code."""
    told = coding or {}
    code, system = told.get("code"), told.get("system")
    if not isinstance(code, str):
        return None
    if system is None:
        return shapes.coded(code, None)
    uri = _uri(system) if isinstance(system, str) else None
    return None if uri is None else shapes.coded(code, uri)


def has_code(concept: Mapping[str, Any] | None, codes: frozenset[str]) -> bool:
    """Whether one of the concept's codings is among `codes`, of whatever system."""
    return any(coding.get("code") in codes for coding in (concept or {}).get("coding", ()))


@lru_cache(maxsize=512)
def _uri(system: str) -> str | None:
    return system_uri(system) or (system if is_system(system) else None)
