"""Tell what is found in an element from what only looks like it there."""

from __future__ import annotations

import re
from functools import cache

from federim_pipelines.deidentify.dictionaries import concepts
from federim_pipelines.deidentify.proof.charset import fold, written
from federim_pipelines.deidentify.proof.elements import Element
from federim_pipelines.deidentify.proof.identity import Sort
from federim_pipelines.deidentify.proof.spellings import Spelling

_NUMBERS_ONLY = frozenset({"AS", "AT", "FD", "FL", "SL", "SS", "SV", "TM", "UL", "US", "UV"})
_DATES = frozenset({"DA", "DT"})
_WRITTEN = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"})  # by people, or nobody knows
_SEPARATORS = {"DS": r"\\", "IS": r"\\", "UI": r"[\\.]"}  # VR → what parts its numbers
_SHORT_UID = 16
_SHORTEST_ALONE = 6  # a DS or IS of fewer digits is a repetition time before it is somebody's number
_CODE_VALUE, _CODE_MEANING = 0x00080100, 0x00080104
_MAKER = frozenset({0x00080070, 0x00081090})  # its name may be that of the place its devices stand in
_STAMPS = frozenset({0x00020013, 0x00120062, 0x00120063, 0x00280303})  # in words anybody may be called by
_LONGEST_STAMP = 64


def holds(element: Element, spelling: Spelling) -> bool:
    """Whether an element's value holds a spelling, by the rules of its VR."""
    vr, sort = element.vr, spelling.sort
    if spelling.short and vr not in _WRITTEN:
        return False
    if sort is Sort.UID and vr != "UI" and len(element.value) <= _SHORT_UID:
        return False  # some software's version
    if sort is Sort.PLACE and element.tag in _MAKER:
        return False
    if sort in (Sort.NUMBER, Sort.BIRTH):
        if vr in _NUMBERS_ONLY or (vr in _DATES and sort is Sort.NUMBER):
            return False
        if vr in _SEPARATORS:
            return _alone(element, spelling)
    if not spelling.word and any(form in element.value for form in spelling.exact):
        return True
    return text_holds(written(element.value), spelling)


def is_a_name(spelling: Spelling) -> bool:
    """Whether a spelling is of somebody's name, and so long that its letters meet by no accident."""
    return not spelling.word and spelling.sort in (Sort.NAME, Sort.STAFF)


def text_holds(text: str, spelling: Spelling) -> bool:
    """Whether a text holds a spelling."""
    return re.search(spelling.pattern, fold(text)) is not None


def may_hold_identifier(element: Element) -> bool:
    """Whether an identifier's shape means one there: measurements, UIDs, dates and codes have any."""
    return (
        element.vr not in _NUMBERS_ONLY | _DATES
        and element.vr not in _SEPARATORS
        and element.tag != _CODE_VALUE
    )


def may_be_ours(element: Element) -> bool:
    """Whether Federim writes an element of that tag by itself, or moves the date in it.

    Then what is in it is the patient's only if the device had written it in the same place.
    """
    return len(element.value) <= _LONGEST_STAMP and (element.tag in _STAMPS or element.vr in _DATES)


def standard_words(element: Element) -> bool:
    """Whether an element is a code's meaning in the very words of the Standard."""
    return element.tag == _CODE_MEANING and written(element.value).strip() in _meanings()


def _alone(element: Element, spelling: Spelling) -> bool:
    parts = re.split(_SEPARATORS[element.vr], written(element.value))
    numbers = [part.strip().lstrip("+") for part in parts]
    return any(
        len(number) >= _SHORTEST_ALONE and re.fullmatch(spelling.pattern, number) is not None
        for number in numbers
    )


@cache
def _meanings() -> frozenset[str]:
    return frozenset(
        meaning for names in concepts().values() for codes in names.values() for meaning, _ in codes.values()
    )
