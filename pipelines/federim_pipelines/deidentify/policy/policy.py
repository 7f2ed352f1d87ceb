"""A de-identification policy: what is done to each attribute, and the options it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final

from federim.keys import canonical
from federim_pipelines.deidentify.classes import REFUSED
from federim_pipelines.deidentify.dispositions import Dispositions
from federim_pipelines.deidentify.policy.attributes import (
    BULK_DATA,
    CODES,
    REQUIRED_TEXT,
    TECHNICAL_TEXT,
    TYPED_CODES,
)
from federim_pipelines.deidentify.policy.table import profile_table, tables_digest
from federim_pipelines.deidentify.text import vocabulary

MODIFIED_DATES = "retain_longitudinal_modified_dates"
FULL_DATES = "retain_longitudinal_full_dates"
PATIENT_CHARACTERISTICS = "retain_patient_characteristics"
DEVICE = "retain_device_identity"
DESCRIPTORS = "clean_descriptors"
GRAPHICS = "clean_graphics"
INSTITUTION = "retain_institution_identity"
PIXEL_DATA = "clean_pixel_data"  # has no column in the table: it is about no attribute
SAFE_PRIVATE = "retain_safe_private"
STRUCTURED_CONTENT = "clean_structured_content"
UIDS = "retain_uids"

BIRTH_DATE: Final = 0x00100030
# No birth year is earlier, where a policy keeps years of birth and does not say otherwise.
OLDEST_BIRTH_YEAR: Final = 1936

# Codes of the profile and its options in CID 7050 (PS3.16), stamped in DeidentificationMethodCodeSequence.
BASIC_PROFILE = "113100"
OPTION_CODES = {
    PIXEL_DATA: "113101",
    GRAPHICS: "113103",
    STRUCTURED_CONTENT: "113104",
    DESCRIPTORS: "113105",
    FULL_DATES: "113106",
    MODIFIED_DATES: "113107",
    PATIENT_CHARACTERISTICS: "113108",
    DEVICE: "113109",
    UIDS: "113110",
    SAFE_PRIVATE: "113111",
    INSTITUTION: "113112",
}


class Action(StrEnum):
    """What becomes of an attribute that is present."""

    KEEP = "keep"  # unless it holds one of the patient's own values, or an identifier
    REMOVE = "remove"
    EMPTY = "empty"
    REPLACE = "replace"  # by a dummy of its VR
    UID = "uid"
    DATE = "date"  # DA and DT moved, TM kept
    CLEAN = "clean"  # text reduced to words of the vocabulary
    YEAR = "year"  # a date reduced to the first day of its year


@dataclass(frozen=True)
class Policy:
    """What is done to each attribute.

    `actions` speaks of single tags, `repeating` of groups such as 60xx; a tag in neither is judged by its
    VR (see `values`). `digest` is the sha256 of all of it, 64 hexadecimal digits: equal digests mean equal
    treatment.
    """

    name: str
    options: frozenset[str]
    actions: Mapping[int, Action] = field(repr=False)
    repeating: tuple[tuple[int, int, Action], ...] = field(repr=False)  # (mask, value, action)
    oldest_birth_year: int
    finds_names: bool = False  # in long free text, by a second pass
    dispositions: Dispositions = field(default_factory=Dispositions, repr=False)
    denied: frozenset[str] = field(default=frozenset(), repr=False)  # texts a site's reviewer rejected
    overridden: frozenset[int] = field(
        default=frozenset(), repr=False
    )  # tags on which a file has its own word

    def action(self, tag: int) -> Action | None:
        """What the policy says of `tag`; None where it leaves the VR to decide."""
        found = self.actions.get(tag)
        if found is None and tag >> 24 in (0x50, 0x60):
            for mask, value, action in self.repeating:
                if tag & mask == value:
                    return action
        return found

    @cached_property
    def must_not_be_empty(self) -> frozenset[int]:
        """Attributes that some kind of object requires a value of (Type 1), so the profile says D."""
        rules = (rule for rule in profile_table().rules if rule.is_one_attribute)
        return frozenset(int(rule.tag, 16) for rule in rules if rule.basic.endswith("D"))

    @property
    def moves_dates(self) -> bool:
        """Whether dates stay, moved."""
        return MODIFIED_DATES in self.options

    @property
    def keeps_dates(self) -> bool:
        """Whether dates stay as they are; if they are not moved either, they are emptied or removed."""
        return FULL_DATES in self.options

    @property
    def keeps_uids(self) -> bool:
        """Whether UIDs stay as they are, rather than keyed."""
        return UIDS in self.options

    @property
    def cleans_text(self) -> bool:
        """Whether text that people type is reduced to what may pass, rather than removed."""
        return DESCRIPTORS in self.options

    @property
    def cleans_pixels(self) -> bool:
        """Whether words in the pixels are looked for and blanked."""
        return PIXEL_DATA in self.options

    @property
    def cleans_graphics(self) -> bool:
        """Whether graphics put on images stay, without their words."""
        return GRAPHICS in self.options

    @property
    def cleans_structured(self) -> bool:
        """Whether a report's tree of contents stays, item by item."""
        return STRUCTURED_CONTENT in self.options

    @property
    def keeps_private(self) -> bool:
        """Whether private attributes known to be safe stay."""
        return SAFE_PRIVATE in self.options

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of what is applied (PS3.16 CID 7050, scheme DCM)."""
        return (BASIC_PROFILE, *sorted(OPTION_CODES[option] for option in self.options))

    @cached_property
    def digest(self) -> str:
        described = {
            "options": sorted(self.options),
            "actions": {f"{tag:08X}": action.value for tag, action in self.actions.items()},
            "repeating": [
                [f"{mask:08X}", f"{value:08X}", action.value] for mask, value, action in self.repeating
            ],
            "tables": tables_digest(),
            "oldest_birth_year": self.oldest_birth_year if Action.YEAR in self.actions.values() else 0,
            "finds_names": self.finds_names,
            "dispositions": self.dispositions.digest.hex(),
            "denied": sorted(self.denied),
            "vocabulary": vocabulary.digest(),
            "passing": [
                sorted(tags) for tags in (TECHNICAL_TEXT, CODES, TYPED_CODES, REQUIRED_TEXT, BULK_DATA)
            ],
            "classes": [[arc, option or ""] for arc, (_, option) in REFUSED.items()],
        }
        return hashlib.sha256(canonical(described)).hexdigest()


def why_not_in_a_lake(policy: Policy) -> str | None:
    """Why no lake may be filled under a policy, in words; None if it may.

    A lake's UIDs and dates are keyed by person, so that a project's can be keyed anew.
    """
    if policy.keeps_uids:
        return f"option {UIDS}: a lake holds keyed UIDs only"
    if policy.keeps_dates:
        return f"option {FULL_DATES}: a lake holds moved dates only"
    return None
