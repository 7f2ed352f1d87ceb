"""Compile a policy from the Standard's table, some of its options, and a site's own word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from federim.model.errors import InputError, UnknownName
from federim_pipelines.deidentify.dictionaries import keyword_of, tag_of, vr_of
from federim_pipelines.deidentify.dispositions import Dispositions, load_dispositions
from federim_pipelines.deidentify.policy.attributes import (
    BODY_MEASURES,
    BULK_DATA,
    DATES_OF_NO_PATIENT,
    EMPTY_SEQUENCES,
)
from federim_pipelines.deidentify.policy.files import DEFAULT, read_policy_file
from federim_pipelines.deidentify.policy.policy import (
    BIRTH_DATE,
    FULL_DATES,
    MODIFIED_DATES,
    OLDEST_BIRTH_YEAR,
    OPTION_CODES,
    PATIENT_CHARACTERISTICS,
    SAFE_PRIVATE,
    UIDS,
    Action,
    Policy,
)
from federim_pipelines.deidentify.policy.table import Rule, profile_table

_DATES: Final = frozenset({"DA", "DT", "TM"})
_CLEANABLE: Final = frozenset({"CS", "LO", "LT", "SH", "ST", "UC", "UT"})
_BYTES: Final = ("OB", "OW", "UN")
# What `PatientID = "remove"` could only break: every object needs these, and has them made by Federim.
_OURS: Final = frozenset(
    tag_of(keyword)
    for keyword in (
        *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
        *("PatientName", "PatientID", "PatientIdentityRemoved", "DeidentificationMethod"),
        *("DeidentificationMethodCodeSequence", "LongitudinalTemporalInformationModified"),
    )
)
_FIRST_GROUP: Final = 0x0008  # of a dataset; those before it are a file's and a message's own


def load_policy(
    name_or_path: str | Path = DEFAULT,
    *,
    dispositions: Path | None = None,
    denied: frozenset[str] = frozenset(),
) -> Policy:
    """One of the package's policies by its name, or one written in a TOML file.

    A file may hold `name`; `base`, the package's policy it changes (`basic` if it says none);
    `oldest_birth_year`; a table `options` (option = true or false); a table `attributes` (DICOM keyword or 8
    hexadecimal digits = an action, or "basic" for the profile's own); and a table `text` (`find_names` = true
    for the second pass).

    Parameters
    ----------
    dispositions : path
        A site's word on private attributes; see `dispositions.load_dispositions`.
    denied : set of str
        Texts that a reviewer of the site rejected.

    Raises
    ------
    UnknownName
        Neither a file nor a known policy; or an unknown option, attribute or action.
    InputError
        A file is not what it should be, or asks for what cannot be applied.
    """
    file = read_policy_file(name_or_path)
    overrides = {}
    for tag, action in file.attributes.items():
        chosen = action or basic_action(tag)
        if chosen is None:
            raise InputError(
                f"policy {file.name}, attributes.{_called(tag)}: the Basic Profile does not list it, so it "
                f"has no action of its own; say {Action.KEEP} or {Action.REMOVE}"
            )
        overrides[tag] = chosen
    return compile_policy(
        file.name,
        frozenset(option for option, wanted in file.options.items() if wanted),
        overrides,
        oldest_birth_year=file.oldest_birth_year,
        finds_names=file.finds_names,
        dispositions=None if dispositions is None else load_dispositions(dispositions),
        denied=denied,
    )


def compile_policy(
    name: str,
    options: frozenset[str],
    overrides: Mapping[int, Action],
    *,
    oldest_birth_year: int = OLDEST_BIRTH_YEAR,
    finds_names: bool = False,
    dispositions: Dispositions | None = None,
    denied: frozenset[str] = frozenset(),
) -> Policy:
    """Make a policy of the table, some of its options, and a site's own word on single attributes.

    Raises
    ------
    UnknownName
        There is no such option.
    InputError
        Options contradict each other, or an attribute cannot be treated as asked.

    References
    ----------
    DICOM PS3.15, Annex E, Table E.1-1.
    """
    private = dispositions or Dispositions()
    _check_options(name, options, private)
    for tag, action in overrides.items():
        why_not = _why_not(tag, action, options)
        if why_not:
            raise InputError(f"policy {name}, attributes.{_called(tag)} = {action.value}: {why_not}")
    actions: dict[int, Action] = {}
    repeating = []
    for rule in profile_table().rules:
        if rule.is_one_attribute:
            tag = int(rule.tag, 16)
            actions[tag] = _optional(rule, tag, options) or _basic(rule)
        elif rule.repeating:
            # Curves and overlays are drawings whose words cannot be told from their lines: with every option
            # they go, and what describes them.
            mask = int("".join("0" if digit == "x" else "F" for digit in rule.tag), 16)
            repeating.append((mask, int(rule.tag.replace("x", "0"), 16), _basic(rule)))
    if MODIFIED_DATES in options:
        for tag in DATES_OF_NO_PATIENT - actions.keys():
            actions[tag] = Action.REMOVE
    if PATIENT_CHARACTERISTICS in options:
        actions[BIRTH_DATE] = Action.YEAR  # a dummy, as the table's Z allows; ages come out within a year
    else:
        actions.update(dict.fromkeys(BODY_MEASURES - actions.keys(), Action.REMOVE))
    return Policy(
        name=name,
        options=options,
        actions={**actions, **overrides},
        repeating=tuple(repeating),
        oldest_birth_year=oldest_birth_year,
        finds_names=finds_names,
        dispositions=private,
        denied=denied,
        overridden=frozenset(tag for tag, action in overrides.items() if actions.get(tag) is not action),
    )


def basic_action(tag: int) -> Action | None:
    """What the Basic Profile does to an attribute; None if the table does not list it."""
    digits = f"{tag:08X}"
    return next((_basic(rule) for rule in profile_table().rules if rule.tag == digits), None)


def _check_options(name: str, options: frozenset[str], private: Dispositions) -> None:
    for option in sorted(options):
        if option not in OPTION_CODES:
            raise UnknownName("option of de-identification", option, OPTION_CODES)
    if {FULL_DATES, MODIFIED_DATES} <= options:
        raise InputError(
            f"policy {name}: options {FULL_DATES} and {MODIFIED_DATES} contradict each other; leave one out"
        )
    if not private.empty and SAFE_PRIVATE not in options:
        raise InputError(
            f"policy {name}: dispositions speak of private attributes, and all of those are removed; switch "
            f"option {SAFE_PRIVATE} on"
        )


def _basic(rule: Rule) -> Action:
    """The basic profile's action.

    A compound code leaves the choice to the attribute's type in its IOD: X for type 3, Z for 2, D for 1. Its
    last part is the one valid for every type, and tells nothing either; it acts only on what is present.
    """
    if rule.basic.endswith("U*") or (rule.basic == "X/Z/D" and "retain_uids" in rule.options):
        return Action.KEEP  # a sequence of references: its items are cleaned, so its UIDs are keyed
    if rule.basic.startswith("X/") and _may_not_be_empty(rule):
        return Action.REMOVE  # where it may be absent, it may not be empty
    last = rule.basic.rsplit("/", 1)[-1]
    return {"X": Action.REMOVE, "Z": Action.EMPTY, "D": Action.REPLACE, "U": Action.UID}[last]


def _may_not_be_empty(rule: Rule) -> bool:
    """Whether a rule speaks of a sequence that has items wherever it is present."""
    if not rule.is_one_attribute or vr_of(int(rule.tag, 16)) != "SQ":
        return False
    return int(rule.tag, 16) not in EMPTY_SEQUENCES


def _optional(rule: Rule, tag: int, options: frozenset[str]) -> Action | None:
    """What the options in force change; None where none does. To keep is stronger than to clean."""
    codes = {option: rule.options[option] for option in options & rule.options.keys()}
    vr = vr_of(tag)
    if vr in _DATES:
        # Only the options about dates speak of them: a device's real dates among moved ones tell the shift.
        if codes.get(FULL_DATES) == "K":
            return Action.KEEP
        return Action.DATE if MODIFIED_DATES in codes and tag not in DATES_OF_NO_PATIENT else None
    # Neither bytes nor a UTC offset, which tells the season, can be moved by days.
    codes.pop(MODIFIED_DATES, None)
    if vr in _BYTES:
        return None  # nobody knows what is in them
    if "K" in codes.values():
        return Action.KEEP
    if "C" not in codes.values():
        return None
    if vr == "SQ":
        return Action.KEEP  # its items are cleaned like any dataset; reports have further rules of their own
    return Action.CLEAN if vr is None or vr in _CLEANABLE else None


def _why_not(tag: int, action: Action, options: frozenset[str]) -> str | None:
    """Why a site cannot have `action` on an attribute; None if it can."""
    vr = vr_of(tag) or ""
    if tag in _OURS or tag >> 16 < _FIRST_GROUP:
        return "Federim writes it anew in every object; leave it out"
    if not vr and basic_action(tag) is None:
        return "no dictionary knows it, so it goes under every policy; leave it out"
    if tag >> 24 in (0x50, 0x60):
        return "curves and overlays go under every policy; leave it out"
    if action is Action.DATE and (vr not in _DATES or MODIFIED_DATES not in options):
        return f"only a date can be moved, and only where option {MODIFIED_DATES} is on"
    if action is Action.YEAR and tag != BIRTH_DATE:
        return "a real year beside moved dates tells how far; only PatientBirthDate may keep its own"
    if action is Action.UID and vr != "UI":
        return f"a {vr} is no UID; say {Action.REPLACE}"
    if action is Action.CLEAN and vr not in _CLEANABLE:
        return f"a {vr} is no text whose words could be chosen; say {Action.KEEP} or {Action.REMOVE}"
    if action is not Action.KEEP:
        return None
    if vr in _DATES and FULL_DATES not in options:
        return f"a real date tells how far the others were moved; switch option {FULL_DATES} on instead"
    if vr == "UI" and UIDS not in options:
        return f"a real UID leads back to the image; switch option {UIDS} on instead"
    if vr.endswith(_BYTES) and tag not in BULK_DATA:
        return "nobody knows what is in its bytes; leave it out"
    return None


def _called(tag: int) -> str:
    return keyword_of(tag) or f"{tag:08X}"
