"""Read PS3.15 Table E.3.4-1: what the profile and its options do to each item of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from federim_pipelines.deidentify.dictionaries import snomed_of_rt, tag_of
from federim_pipelines.deidentify.policy.policy import Action, Policy

Concept = tuple[str, str]  # coding scheme designator, code value

DATES: Final = frozenset({"DATE", "DATETIME", "TIME"})
REFERENCES: Final = frozenset({"COMPOSITE", "IMAGE", "UIDREF", "WAVEFORM"})

_RT_SCHEMES: Final = frozenset({"99SDM", "SNM3", "SRT"})
_DEVICE_IDENTITY: Final = "retain_device_identity"
_BASIC: Final = {"X": Action.REMOVE, "D": Action.REPLACE, "X/D": Action.REPLACE}

# The same day for every patient of a device: beside its moved value it would tell by how many days.
_DATES_OF_NO_PATIENT: Final = frozenset({("DCM", "113723")})  # Calibration DateTime

# Without one a group of measurements is not valid (PS3.16, TID 1501).
_REQUIRED: Final = frozenset({("DCM", "112039")})  # Tracking Identifier

# Concepts that name one device → the attribute that says the same of it, whose action is theirs: a policy
# that keeps a device's model and not its serial number says so there.
_SAME_OF_A_DEVICE: Final = {
    ("DCM", "110119"): "StationAETitle",
    ("DCM", "113832"): "XRaySourceID",
    ("DCM", "113877"): "StationName",
    ("DCM", "113880"): "DeviceSerialNumber",
    ("DCM", "120999"): "DeviceDescription",
    ("DCM", "121000"): "UDISequence",
    ("DCM", "121013"): "StationName",
    ("DCM", "121016"): "DeviceSerialNumber",
    ("DCM", "121122"): "StationName",
    ("DCM", "121193"): "StationName",
    ("DCM", "121196"): "DeviceSerialNumber",
    ("LN", "74711-3"): "UniqueDeviceIdentifier",
}


@dataclass(frozen=True, slots=True)
class ContentRule:
    """One row of the table, for one value type. Codes are the Standard's: X, D, K, C and X/D."""

    basic: str
    options: Mapping[str, str]  # option → code


@cache
def content_rules() -> Mapping[Concept, Mapping[str, ContentRule]]:
    """Concept → value type → rule.

    References
    ----------
    DICOM PS3.15 2026d, Annex E, Table E.3.4-1.
    """
    file = resources.files("federim_pipelines.deidentify.standard") / "ps315_2026d_content.json"
    found: dict[Concept, dict[str, ContentRule]] = {}
    for row in json.loads(file.read_text(encoding="utf-8"))["content_items"]:
        rules = found.setdefault((row["scheme"], row["code"]), {})
        rules[row["value_type"]] = ContentRule(row["basic"], row["options"])
    return found


def in_snomed_ct(concept: Concept) -> Concept:
    """A concept of SNOMED's retired form of code in its present one; any other as it is.

    References
    ----------
    DICOM PS3.16, 8.1 and Annex O.
    """
    scheme, value = concept
    if scheme in _RT_SCHEMES and value in snomed_of_rt():
        return "SCT", snomed_of_rt()[value]
    return concept


def content_action(concept: Concept | None, value_type: str, policy: Policy) -> Action:
    """What becomes of an item of a content tree.

    REMOVE takes what is below the item too; REPLACE gives it a dummy value; KEEP leaves an item to the rules
    for attributes. References stay, by UIDs that these rules key: that identifies nobody, and is more than a
    dummy says. Where the table has a concept that no option keeps or cleans, its rule holds for words and
    numbers whatever the value type it names.
    """
    if value_type in REFERENCES:
        return Action.KEEP
    rule = _rule(concept, value_type)
    if rule is None:
        return _of_value_type(value_type, policy)
    if concept in _DATES_OF_NO_PATIENT and not policy.keeps_dates:
        return _BASIC[rule.basic]
    applied = {option: rule.options[option] for option in policy.options & rule.options.keys()}
    if _DEVICE_IDENTITY in applied and concept in _SAME_OF_A_DEVICE:
        return policy.action(tag_of(_SAME_OF_A_DEVICE[concept]) or 0) or Action.CLEAN
    if "K" in applied.values():
        return Action.KEEP
    if "C" in applied.values():
        return Action.DATE if value_type in DATES else Action.CLEAN
    return _BASIC[rule.basic]


def emptied_action(concept: Concept | None, value_type: str) -> Action:
    """REMOVE or REPLACE an item of whose value nothing may stay: what the profile does without any option."""
    if concept in _REQUIRED:
        return Action.REPLACE
    rule = _rule(concept, value_type)
    return Action.REMOVE if rule is None else _BASIC[rule.basic]


def _rule(concept: Concept | None, value_type: str) -> ContentRule | None:
    rules = content_rules().get(in_snomed_ct(concept), {}) if concept else {}
    if value_type in rules or value_type not in ("NUM", "TEXT"):
        return rules.get(value_type)
    return next((rule for rule in rules.values() if not rule.options), None)


def _of_value_type(value_type: str, policy: Policy) -> Action:
    """What becomes of an item of a concept that the table does not list."""
    if value_type == "PNAME":
        return Action.REMOVE
    if value_type == "TEXT":
        return Action.CLEAN if policy.cleans_text else Action.REMOVE
    if value_type in DATES:
        if policy.keeps_dates:
            return Action.KEEP
        return Action.DATE if policy.moves_dates else Action.REMOVE
    return Action.KEEP
