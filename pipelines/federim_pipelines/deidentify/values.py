"""What becomes of a value that may pass, by its VR."""

from __future__ import annotations

import re
from collections.abc import Callable
from numbers import Number
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.attributes import BULK_DATA, CODES, TECHNICAL_TEXT
from federim_pipelines.deidentify.dates import readable_time, shift_date, shift_datetime
from federim_pipelines.deidentify.multiplicity import is_multiple, values_of
from federim_pipelines.deidentify.own_values import OwnValues
from federim_pipelines.deidentify.uids import keyed_uid

TEXT = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})

_ICC_PROFILE = 0x00282000
_REMOVED = "REMOVED"
_DUMMIES: dict[str, Any] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), _REMOVED),
    "UR": "urn:removed",
    "AS": "000Y",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
}
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{0,16}")
_CODE = re.compile(r"[!-~]{1,64}")
_AGE = re.compile(r"\d{3}[DWMY]")


def known(tag: int, vr: str) -> bool:
    """Whether the dictionary holds `tag` with that VR: what it does not hold cannot be judged."""
    try:
        return vr in dictionary_VR(tag).split(" or ")
    except KeyError:
        return False


def dummy(vr: str) -> Any:
    """A value of `vr` that says nothing; None, which is an empty value, where the VR has no such word.

    References
    ----------
    DICOM PS3.15, Annex E, Table E.1-1a (action D).
    """
    return _DUMMIES.get(vr)


class ValueRules:
    """Rules by VR, for one patient's values.

    A rule gives the value to write (the very same object where nothing changes), or None to remove it.
    """

    def __init__(self, subject: Subject, own: OwnValues, *, moves_dates: bool) -> None:
        self._subject = subject
        self._own = own
        self._moves_dates = moves_dates
        self._rules: dict[str, Callable[[int, Any], Any]] = {
            **dict.fromkeys(TEXT - {"PN"}, self._text),
            **dict.fromkeys(("DA", "DT", "TM"), self._unlisted_date),
            **dict.fromkeys(("DS", "IS"), self._digits),
            **dict.fromkeys(("OB", "OW"), self._bulk),
            **dict.fromkeys(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), _numbers),
            **dict.fromkeys(("OD", "OF", "OL", "OV"), _array),
            "AS": self._age,
            "CS": self._code_string,
            "PN": _empty,
            "UI": self._uid,
        }

    def unlisted(self, element: DataElement) -> Any:
        """What the VR alone allows."""
        rule = self._rules.get(element.VR)  # UN, and whatever else has no rule, is removed
        return None if rule is None else rule(element.tag, element.value)

    def kept(self, element: DataElement) -> Any:
        """A value the policy lets pass: text whole unless one of the patient's own values is in it."""
        if element.VR in TEXT:
            return _each(element.value, lambda part: "" if self._own.are_in(part) else part)
        return self.unlisted(element)

    def moved(self, element: DataElement) -> Any:
        """DA and DT moved by the subject's days; a time of day as it is."""
        days = self._subject.date_shift_days
        if element.VR == "DA":
            return _each(element.value, lambda part: shift_date(part, days))
        if element.VR == "DT":
            return _each(element.value, lambda part: shift_datetime(part, days))
        if element.VR == "TM":
            return _each(element.value, lambda part: part if readable_time(part) else None)
        return None

    def keyed(self, element: DataElement) -> Any:
        """UIDs under the subject's key; a standard UID as it is."""
        return self._uid(element.tag, element.value) if element.VR == "UI" else None

    def _text(self, tag: int, value: Any) -> Any:
        if tag in TECHNICAL_TEXT:
            return _each(value, lambda part: "" if self._own.are_in(part) else part)
        if tag in CODES:
            return _each(
                value, lambda part: part if _CODE.fullmatch(part) and not self._own.are_in(part) else None
            )
        return None

    def _unlisted_date(self, tag: int, value: Any) -> Any:
        return self.moved(DataElement(tag, dictionary_VR(tag), value)) if self._moves_dates else None

    def _code_string(self, _tag: int, value: Any) -> Any:
        """Parts stay in their places: the third value of ImageType means what it means there."""
        return _each(
            value, lambda part: part if _CODE_STRING.fullmatch(part) and not self._own.are_in(part) else ""
        )

    def _digits(self, tag: int, value: Any) -> Any:
        if self._own.are_numbers({str(part) for part in values_of(value)}):
            return None
        return _numbers(tag, value)

    def _age(self, _tag: int, value: Any) -> Any:
        return _each(value, lambda part: part if _AGE.fullmatch(part) else None)

    def _bulk(self, tag: int, value: Any) -> Any:
        if tag not in BULK_DATA or not isinstance(value, bytes):
            return None
        # A colour profile has room for words.
        return None if tag == _ICC_PROFILE and self._own.are_in_bytes(value) else value

    def _uid(self, _tag: int, value: Any) -> Any:
        return _each(value, lambda part: keyed_uid(self._subject.uid_key, part))


def _each(value: Any, change: Callable[[str], str | None]) -> Any:
    """`change` every part of a value that may be multiple; a part that becomes None leaves its place empty.

    None if no part is left; `value` itself if no part changed.
    """
    parts = [str(part).strip(" \0") for part in values_of(value)]
    changed = [change(part) if part else "" for part in parts]
    if all(part is None for part in changed):
        return None
    if changed == parts:
        return value
    if is_multiple(value):
        return [part or "" for part in changed]
    return changed[0]


def _numbers(_tag: int, value: Any) -> Any:
    """Numbers, and nothing else: what pydicom could not convert it leaves as text."""
    return value if all(isinstance(part, Number) or part == "" for part in values_of(value)) else None


def _array(_tag: int, value: Any) -> Any:
    return value if isinstance(value, bytes) else None


def _empty(_tag: int, _value: Any) -> Any:
    return ""
