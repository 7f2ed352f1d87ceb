"""A de-identification policy: what is done to each attribute, compiled from the Standard's table."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from federim.keys import canonical
from federim.model.errors import InputError, UnknownName
from federim_pipelines.deidentify.attributes import (
    BULK_DATA,
    CODES,
    DATES_OF_NO_PATIENT,
    REQUIRED_TEXT,
    TECHNICAL_TEXT,
)
from federim_pipelines.deidentify.classes import REFUSED
from federim_pipelines.deidentify.table import PRIVATE, Rule, profile_table

MODIFIED_DATES = "retain_longitudinal_modified_dates"
DEFAULT_OPTIONS = frozenset({MODIFIED_DATES})

# Options of PS3.15 and their codes in CID 7050, stamped in DeidentificationMethodCodeSequence.
BASIC_PROFILE = "113100"
OPTION_CODES = {
    MODIFIED_DATES: "113107",
    "retain_institution_identity": "113112",
}
REFUSED_OPTIONS = {
    "retain_uids": "the lake holds keyed UIDs only",
    "retain_longitudinal_full_dates": "the lake holds moved dates only",
}


class Action(StrEnum):
    """What becomes of an attribute that is present."""

    KEEP = "keep"  # unless it holds one of the patient's own values
    REMOVE = "remove"
    EMPTY = "empty"
    REPLACE = "replace"  # by a dummy of its VR
    UID = "uid"
    DATE = "date"  # DA and DT moved, TM kept


@dataclass(frozen=True)
class Policy:
    """What is done to each attribute.

    `actions` speaks of single tags, `repeating` of groups such as 60xx; a tag in neither is judged by its
    VR (see `elements`). `digest` is the sha256 of all of it, 64 hexadecimal digits: equal digests mean
    equal treatment.
    """

    name: str
    options: frozenset[str]
    actions: Mapping[int, Action] = field(repr=False)
    repeating: tuple[tuple[int, int, Action], ...] = field(repr=False)  # (mask, value, action)

    def action(self, tag: int) -> Action | None:
        """What the policy says of `tag`; None where it leaves the VR to decide."""
        found = self.actions.get(tag)
        if found is None and tag >> 24 in (0x50, 0x60):
            for mask, value, action in self.repeating:
                if tag & mask == value:
                    return action
        return found

    @property
    def moves_dates(self) -> bool:
        """Whether dates are kept, moved; without it the table's basic action empties or removes them."""
        return MODIFIED_DATES in self.options

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of what is applied (PS3.16 CID 7050, scheme DCM)."""
        return (BASIC_PROFILE, *sorted(OPTION_CODES[option] for option in self.options))

    @cached_property
    def digest(self) -> str:
        described = {
            "edition": profile_table().edition,
            "options": sorted(self.options),
            "actions": {f"{tag:08X}": action.value for tag, action in self.actions.items()},
            "repeating": [
                [f"{mask:08X}", f"{value:08X}", action.value] for mask, value, action in self.repeating
            ],
            "passing": [sorted(tags) for tags in (TECHNICAL_TEXT, CODES, REQUIRED_TEXT, BULK_DATA)],
            "classes": REFUSED,
        }
        return hashlib.sha256(canonical(described)).hexdigest()


def load_policy(name_or_path: str | Path = "basic") -> Policy:
    """The policy called `basic`, or one written in a TOML file.

    `basic` is the Basic Application Level Confidentiality Profile with the option Retain Longitudinal
    Temporal Information with Modified Dates. A file may hold `name`, a table `options` (option = true or
    false, on top of `basic`) and a table `attributes` (DICOM keyword or 8 hexadecimal digits = "keep",
    "remove", "empty", "replace", "uid" or "date").

    Raises
    ------
    UnknownName
        Neither a file nor a known policy; or an unknown option, attribute or action.
    InputError
        The file is not valid TOML, or asks for an option this version cannot apply.
    """
    if str(name_or_path) == "basic":
        return compile_policy("basic", DEFAULT_OPTIONS, {})
    path = Path(name_or_path)
    if not path.is_file():
        raise UnknownName("policy", str(name_or_path), ["basic"])
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"policy {path.name} is not valid TOML: {error}") from error
    for key in document:
        if key not in ("name", "options", "attributes"):
            raise UnknownName(f"setting of policy {path.name}", key, ["name", "options", "attributes"])
    options = set(DEFAULT_OPTIONS)
    for option, wanted in _table(document, "options", path).items():
        if not isinstance(wanted, bool):
            raise InputError(f"policy {path.name}, options.{option}: expected true or false")
        (options.add if wanted else options.discard)(option)
    overrides = {}
    for attribute, action in _table(document, "attributes", path).items():
        if action not in list(Action):
            raise UnknownName("action", str(action), [known.value for known in Action])
        overrides[_tag(attribute)] = Action(action)
    return compile_policy(str(document.get("name", path.stem)), frozenset(options), overrides)


def compile_policy(name: str, options: frozenset[str], overrides: Mapping[int, Action]) -> Policy:
    """Make a policy of the table, some of its options, and a site's own word on single attributes.

    Raises
    ------
    UnknownName
        The table has no such option.
    InputError
        An option cannot be applied by this version.
    """
    table = profile_table()
    for option in sorted(options):
        if option not in table.options:
            raise UnknownName("option of the de-identification table", option, table.options)
        _check_option(option, table.rules)
    actions: dict[int, Action] = {}
    repeating = []
    for rule in table.rules:
        if rule.tag == PRIVATE:
            continue
        if rule.repeating:
            mask = int("".join("0" if digit == "x" else "F" for digit in rule.tag), 16)
            repeating.append((mask, int(rule.tag.replace("x", "0"), 16), _basic(rule)))
        else:
            tag = int(rule.tag, 16)
            actions[tag] = _optional(rule, tag, options) or _basic(rule)
    return Policy(name, options, {**actions, **overrides}, tuple(repeating))


def _basic(rule: Rule) -> Action:
    """The basic profile's action.

    A compound code leaves the choice to the attribute's type in its IOD: X for type 3, Z for 2, D for 1. Its
    last part is the one valid for every type, and tells nothing either; it acts only on what is present.
    """
    if rule.basic.endswith("U*"):
        return Action.KEEP  # a sequence of references: its items are cleaned, so its UIDs are keyed
    last = rule.basic.rsplit("/", 1)[-1]
    return {"X": Action.REMOVE, "Z": Action.EMPTY, "D": Action.REPLACE, "U": Action.UID, "K": Action.KEEP}[
        last
    ]


def _optional(rule: Rule, tag: int, options: frozenset[str]) -> Action | None:
    """What an option in force changes; None where none does."""
    for option in sorted(options & rule.options.keys()):
        if rule.options[option] == "K":
            return Action.KEEP
        if tag not in DATES_OF_NO_PATIENT and _is_temporal(tag):
            return Action.DATE
    return None


def _check_option(option: str, rules: tuple[Rule, ...]) -> None:
    if option in REFUSED_OPTIONS:
        raise InputError(f"option {option} cannot be used: {REFUSED_OPTIONS[option]}")
    cleaned = sum(rule.options.get(option) == "C" for rule in rules)
    if cleaned and option != MODIFIED_DATES:
        raise InputError(
            f"option {option} asks to clean {cleaned} attributes of what identifies in them, which this "
            "version cannot do; leave the option out, or keep single attributes by name under [attributes]"
        )


def _is_temporal(tag: int) -> bool:
    """Whether moving days means something: not for bytes, nor for a UTC offset, which tells the season."""
    try:
        return dictionary_VR(tag) in ("DA", "DT", "TM")
    except KeyError:
        return False


def _tag(attribute: str) -> int:
    tag = tag_for_keyword(attribute)
    if tag is None and len(attribute) == 8:
        try:
            tag = int(attribute, 16)
        except ValueError:
            tag = None
    if tag is None or tag >> 16 & 1:
        raise UnknownName(
            "public DICOM attribute", attribute, ["PatientSize", "PatientWeight", "ProtocolName"]
        )
    return int(tag)


def _table(document: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise InputError(f"policy {path.name}: {key} must be a table, [{key}]")
    return found
