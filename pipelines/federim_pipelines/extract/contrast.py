"""Whether an image says that a contrast agent was given: yes, no or nothing, never which words say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.multiplicity import values_of

# What people type into the agent's name to say that there was none.
_NONE: Final = frozenset(
    {"0", "AUCUN", "IV-", "KEIN", "N", "NEIN", "NO", "NO CONTRAST", "NON", "NONE", "OHNE"}
    | {"SANS", "SANS CONTRASTE", "SANS INJECTION", "SANS PRODUIT DE CONTRASTE", "UNENHANCED", "WITHOUT"}
)
_UNKNOWN: Final = frozenset({"", "-", "?", "INCONNU", "N/A", "NA", "UNK", "UNKNOWN"})
_GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def declared(raw: Attributes) -> bool | None:
    """Whether a contrast agent was given, as the device or the person at it declared.

    True where an agent is named, coded or said to be administered; False where it is said that there was
    none. None where nothing is told: the Contrast/Bolus Module is required only where an agent was used, but
    devices leave it out all the same, and an empty name (Type 2) is one that is not known.

    Parameters
    ----------
    raw : Attributes
        As the device wrote it: the name is free text, which no de-identified object keeps.

    References
    ----------
    DICOM PS3.3, C.7.6.4 (Contrast/Bolus Module), C.7.6.4b (Enhanced Contrast/Bolus Module) and C.7.6.16.2.12
    (Contrast/Bolus Usage Macro); PS3.5, 7.4.3 (Type 2).
    """
    if raw.get("ContrastBolusAgentSequence"):
        return True
    names = [_word(value) for value in values_of(raw.get("ContrastBolusAgent"))]
    said = [name not in _NONE for name in names if name not in _UNKNOWN] + list(_administered(raw))
    return any(said) if said else None


def _administered(raw: Attributes) -> Iterator[bool]:
    """What the groups that all frames share, or the first frame's, say of each agent."""
    for keyword in _GROUPS:
        for group in (raw.get(keyword) or ())[:1]:
            for usage in group.get("ContrastBolusUsageSequence") or ():
                word = _word(usage.get("ContrastBolusAgentAdministered"))
                if word in {"YES", "NO"}:
                    yield word == "YES"


def _word(value: object) -> str:
    return " ".join(str(value or "").strip(" \0").upper().split())
