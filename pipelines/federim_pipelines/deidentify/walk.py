"""What both paths decide of an element before they look at its value."""

from __future__ import annotations

from typing import Final

from federim_pipelines.deidentify.dictionaries import vr_of
from federim_pipelines.deidentify.policy.policy import Action, Policy
from federim_pipelines.deidentify.private import PrivateRules
from federim_pipelines.deidentify.values import known

PATIENT_NAME: Final = 0x00100010
PATIENT_ID: Final = 0x00100020
CODE_VALUES: Final = (0x00080100, 0x00080119, 0x00080120)  # CodeValue, LongCodeValue, URNCodeValue
CODING_SCHEME: Final = 0x00080102
CODE_MEANING: Final = 0x00080104
CONTENT: Final = 0x0040A730  # ContentSequence: a report's tree
VALUE_TYPE: Final = 0x0040A040  # what makes an item of any sequence a content item (PS3.3, 10.2)
UTF_8: Final = "ISO_IR 192"

# Written anew, or left over by whoever wrote the file before.
_DROPPED_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0004, 0xFFFA, 0xFFFC, 0xFFFE})
_LENGTH_TO_END: Final = 0x00080001
_CHARACTER_SET: Final = 0x00080005
_OVERLAY_DATA: Final = 0x3000
_SHUTTER_OVERLAY: Final = 0x00181623  # ShutterOverlayGroup

# Where a block's creators are, and the elements they reserve (PS3.5, 7.8.1).
_FIRST_CREATOR, _LAST_CREATOR = 0x10, 0xFF


def action_on(policy: Policy, tag: int) -> Action | None:
    """What becomes of a public element; None leaves its VR to decide."""
    group, number = tag >> 16, tag & 0xFFFF
    if number == 0 or group in _DROPPED_GROUPS or tag in (_LENGTH_TO_END, _CHARACTER_SET):
        return Action.REMOVE
    action = policy.action(tag)
    if action is None and (group >> 8 == 0x60 or tag == _SHUTTER_OVERLAY):
        return policy.action(0x60000000 | _OVERLAY_DATA)  # what describes an overlay goes with its data
    return action


def of_its_vr(tag: int, vr: str, action: Action | None) -> Action | None:
    """The action on an element once its VR is known: what no dictionary holds is removed.

    So is a value that would stay in another VR than the dictionary's: it could be anything.
    """
    if known(tag, vr) or action in (Action.EMPTY, Action.REPLACE):
        return action
    return Action.REMOVE if action is None or vr_of(tag) is not None else action


def is_creator(tag: int) -> bool:
    """Whether a private element names the maker of a block."""
    return _FIRST_CREATOR <= tag & 0xFFFF <= _LAST_CREATOR


def creator_of(tag: int) -> int:
    """The tag of the element that names the maker of a private element."""
    return tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8


def keep_private(
    rules: PrivateRules | None, creator: str | None, tag: int, vr: str
) -> tuple[str, Action] | None:
    """The VR to read a private element with and what becomes of it; None where it is removed.

    `vr` is the file's; none at all in Implicit VR. A sequence hidden in UN has an encoding of its own.
    """
    if rules is None or not creator:
        return None
    kept = rules.keeps(creator, tag, vr or "UN")
    if kept is None or kept.action is Action.REMOVE or (vr == "UN" and kept.vr == "SQ"):
        return None
    return kept.vr, kept.action
