"""What becomes of a value that may pass, by its VR."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from federim_pipelines.deidentify.codes import is_a_code, is_a_scheme, is_standard
from federim_pipelines.deidentify.dates import (
    DUMMY_DAY,
    OLDEST_AGE,
    parse_date,
    readable_time,
    shift_date,
    shift_datetime,
)
from federim_pipelines.deidentify.dictionaries import is_single, vr_of
from federim_pipelines.deidentify.graphics import OVERLAY_SHUTTER, SHUTTER_SHAPE, TYPED_NAMES, drawing_name
from federim_pipelines.deidentify.header import NUMBERS, SIZES
from federim_pipelines.deidentify.policy.attributes import (
    BULK_DATA,
    CODES,
    REQUIRED_TEXT,
    TECHNICAL_TEXT,
    TYPED_CODES,
)
from federim_pipelines.deidentify.policy.policy import Action, Policy
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.own_values import OwnValues
from federim_pipelines.deidentify.text.patterns import holds_identifier
from federim_pipelines.keying import Keying

TEXT: Final = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
TEXTUAL: Final = TEXT | {"AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"}
_ASCII: Final = frozenset({"AE", "UR"})

_ICC_PROFILE: Final = 0x00282000
_ICC_SIGNATURE: Final = slice(36, 40)  # ISO 15076-1, 7.2: bytes of every profile's header
_SCHEME: Final = 0x00080102
_REMOVED: Final = "REMOVED"
_DUMMIES: Final = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), _REMOVED),
    "UR": "urn:removed",
    "AS": "000Y",
    "DA": f"{DUMMY_DAY:%Y%m%d}",
    "DT": f"{DUMMY_DAY:%Y%m%d}000000",
    "TM": "000000",
}
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{0,16}")
_PLAIN = {
    "DS": re.compile(rb"-?\d{1,5}(?:\.\d{1,8})?(?:\\-?\d{1,5}(?:\.\d{1,8})?)* ?"),
    "IS": re.compile(rb"-?\d{1,5}(?:\\-?\d{1,5})* ?"),
    "TM": re.compile(rb"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\.\d{1,6})? ?"),
}
_AGE = re.compile(r"\d{3}[DWMY]")
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+(\.0*)?")
_UID = re.compile(r"[0-9.]{1,64}")
_LONGEST_NUMBER = 32  # a DS has 16 characters; devices write a few more
_WORD = 8  # letters; a random double is as many in one of three hundred thousand
_LONG_NUMBER = re.compile(r"\d{9,}")

Parts = Sequence[str]


def known(tag: int, vr: str) -> bool:
    """Whether the dictionary holds `tag` with that VR: what it does not hold cannot be judged."""
    found = vr_of(tag)
    return found is not None and (found == vr or vr in found.split(" or "))


def is_plain(vr: str, value: bytes) -> bool:
    """Whether a DS, IS or TM value is too short to tell anything, and written as it is written again.

    Most of what differs from slice to slice is: positions, numbers, times of day.
    """
    return _PLAIN[vr].fullmatch(value) is not None and len(value) % 2 == 0


def dummy(vr: str) -> str | None:
    """A value of `vr` that says nothing; None, which is an empty value, where the VR has no such word.

    References
    ----------
    DICOM PS3.15, Annex E, Table E.1-1a (action D).
    """
    return _DUMMIES.get(vr)


class ValueRules:
    """Rules by VR, for one patient's values.

    `kept` gathers the texts that pass, (tag, text), so that a person can look at them.
    """

    def __init__(
        self,
        policy: Policy,
        keying: Keying,
        own: OwnValues,
        text: TextCleaner,
        *,
        study_year: int | None = None,
    ) -> None:
        self.kept: list[tuple[int, str]] = []
        self._policy = policy
        self._keying = keying
        self._days = keying.subject.date_shift_days
        self._own = own
        self._cleaner = text
        self._study_year = study_year
        self._by_vr: dict[str, Callable[[int, str], str | None]] = {
            **dict.fromkeys(TEXT - {"PN"}, self._unlisted_text),
            **dict.fromkeys(("DA", "DT", "TM"), self._unlisted_date),
            "AS": self._age,
            "CS": self._code_string,
            "DS": self._decimal,
            "IS": self._integer,
            "PN": lambda _tag, _part: "",
            "UI": self._unlisted_uid,
        }
        self._by_action: dict[Action | None, Callable[[int, str, str], str | None]] = {
            None: lambda tag, vr, part: self._by_vr[vr](tag, part),
            Action.KEEP: self._keep,
            Action.CLEAN: self._clean,
            Action.DATE: self._moved,
            Action.UID: lambda _tag, vr, part: self._keying.uid(part) if vr == "UI" else None,
            Action.YEAR: lambda _tag, vr, part: self._year(part) if vr == "DA" else None,
        }

    def texts(self, tag: int, vr: str, action: Action | None, parts: Parts) -> list[str] | None:
        """The parts to write of a textual value, none empty; None to remove the element.

        A part that goes leaves its place empty: the third value of ImageType means what it means there.
        """
        change = self._by_action[action]
        changed = [change(tag, vr, part) if part else "" for part in parts]
        if not any(changed) and self._must_say_something(tag, action):
            return [dummy(vr) or ""]
        if all(part is None for part in changed):
            return None
        if vr in TEXT:
            self.kept.extend((tag, part) for part in changed if part)
        return [part or "" for part in changed]

    def _must_say_something(self, tag: int, action: Action | None) -> bool:
        if tag in REQUIRED_TEXT:
            return True
        return action is Action.CLEAN and tag in self._policy.must_not_be_empty

    def keeps(self, tag: int, vr: str, value: bytes) -> bool:
        """Whether a binary value stays as it is."""
        if not vr.endswith(("OB", "OW", "UN")):
            return not self._spells(tag, vr, value)
        if tag not in BULK_DATA:
            return False
        # A colour profile has room for words, and others' bytes under its tag are words.
        is_profile = value[_ICC_SIGNATURE] == b"acsp"
        return tag != _ICC_PROFILE or (is_profile and not self._own.are_in_bytes(value))

    def keeps_private(self, tag: int, vr: str, value: bytes) -> bool:
        """Whether a private binary value known to be safe stays: unless the patient's own are in it."""
        return not (self._spells(tag, vr, value) if vr in NUMBERS else self._own.are_in_bytes(value))

    def _spells(self, tag: int, vr: str, numbers: bytes) -> bool:
        """Whether the bytes of numbers are a text: more than a number has, letters, or the patient's own."""
        text = numbers.strip(b" \0")
        if not text.isascii() or not text.decode().isprintable():
            return False
        if is_single(tag) and len(numbers) > SIZES.get(vr[:2], len(numbers)):
            return True
        is_words = len(text) >= _WORD and text.replace(b" ", b"").isalpha()
        return is_words or self._own.are_in_bytes(numbers)

    def text(self, text: str) -> str:
        """Free text reduced to what may pass, empty if nothing may."""
        return self._cleaner.clean(text)

    def _keep(self, tag: int, vr: str, part: str) -> str | None:
        if vr in TEXT:
            return self._whole(vr, part)
        if vr == "UI":
            is_uid = _UID.fullmatch(part) is not None and not self._own.are_in(part)
            return part if is_uid else self._keying.uid(part)
        if vr in ("DA", "DT", "TM"):
            return self._date(vr, part)
        return self._by_vr[vr](tag, part)

    def _clean(self, tag: int, vr: str, part: str) -> str | None:
        if vr in _ASCII:
            return None
        if vr in TEXT:
            return self._cleaner.clean(part)
        return self._by_vr[vr](tag, part)

    def _whole(self, vr: str, part: str) -> str:
        """Text as it is, or nothing: unless the patient's own values or an identifier are in it."""
        if vr in _ASCII and not (part.isascii() and part.isprintable()):
            return ""
        stays = not (self._own.are_in(part) or holds_identifier(part) or self._cleaner.denies(part))
        return part if stays else ""

    def _unlisted_text(self, tag: int, part: str) -> str | None:
        vr = vr_of(tag)
        if tag in TECHNICAL_TEXT:
            return self._whole(str(vr), part)
        if tag in CODES:
            if self._own.are_in(part) or self._cleaner.denies(part):
                return None
            if not is_standard(part) and ("^" in part or holds_identifier(part)):
                return None
            return part if (is_a_scheme(part) if tag == _SCHEME else is_a_code(part)) else None
        if self._policy.cleans_text and vr not in _ASCII:
            return self._cleaner.clean(part)
        return None

    def _unlisted_uid(self, _tag: int, part: str) -> str:
        return part if self._policy.keeps_uids else self._keying.uid(part)

    def _unlisted_date(self, tag: int, part: str) -> str | None:
        return self._date(vr_of(tag), part)

    def _date(self, vr: str | None, part: str) -> str | None:
        if self._policy.keeps_dates:
            return _dated(vr, part, days=0)
        return _dated(vr, part, days=self._days) if self._policy.moves_dates else None

    def _moved(self, _tag: int, vr: str, part: str) -> str | None:
        """DA and DT moved by the subject's days; a time of day as it is."""
        return _dated(vr, part, days=self._days)

    def _year(self, part: str) -> str:
        """The first day of the year of birth; the very old are one group."""
        birth = parse_date(part)
        if birth is None:
            return ""
        earliest = self._policy.oldest_birth_year
        if self._study_year is not None:
            earliest = max(earliest, self._study_year - OLDEST_AGE)
        return f"{max(birth.year, earliest):04d}0101"

    def _code_string(self, tag: int, part: str) -> str | None:
        if tag in TYPED_NAMES:
            return drawing_name(part, self._cleaner, self._keying)
        if tag == SHUTTER_SHAPE and part == OVERLAY_SHUTTER:
            return None
        if not _CODE_STRING.fullmatch(part) or self._own.are_in(part):
            return ""
        if tag in TYPED_CODES and self._policy.cleans_text and self._cleaner.clean(part) != part:
            return ""
        return part

    def _decimal(self, _tag: int, part: str) -> str | None:
        return part if _DECIMAL.fullmatch(part) and self._is_technical(part) else None

    def _integer(self, _tag: int, part: str) -> str | None:
        return part if _INTEGER.fullmatch(part) and self._is_technical(part) else None

    def _is_technical(self, number: str) -> bool:
        if len(number) > _LONGEST_NUMBER or self._own.are_numbers((number,)):
            return False
        return not (_LONG_NUMBER.search(number) and holds_identifier(number))

    def _age(self, _tag: int, part: str) -> str | None:
        if not _AGE.fullmatch(part):
            return None
        return f"{OLDEST_AGE:03d}Y" if part[3] == "Y" and int(part[:3]) > OLDEST_AGE else part


def _dated(vr: str | None, part: str, *, days: int) -> str | None:
    if vr == "DA":
        return shift_date(part, days) or ""
    if vr == "DT":
        return shift_datetime(part, days) or ""
    if vr == "TM":
        return part if readable_time(part) else ""
    return None
