"""Give names and dates of birth the one spelling they are compared in, and the other ways to write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import cache

# Letters Unicode does not decompose, as they are written where the keyboard lacks them.
_LETTERS = {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ẞ": "SS", "Ħ": "H"}
_DIAERESES = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "Å": "AA"})

_WORD = re.compile(r"[^\W_]+")
_COMPONENT = re.compile(r"[\^=]")  # DICOM PS3.5, 6.2.1: family^given^middle^prefix^suffix, in three scripts
_LONGEST_TOGETHER = 4  # words: De La Tour Maubourg; an address has more

# French and English, folded; index 0 is January.
_MONTHS = (
    ("JANVIER", "JANV", "JANUARY", "JAN"),
    ("FEVRIER", "FEVR", "FEBRUARY", "FEV", "FEB"),
    ("MARS", "MARCH", "MAR"),
    ("AVRIL", "AVR", "APRIL", "APR"),
    ("MAI", "MAY"),
    ("JUIN", "JUNE", "JUN"),
    ("JUILLET", "JUIL", "JULY", "JUL"),
    ("AOUT", "AUGUST", "AUG"),
    ("SEPTEMBRE", "SEPT", "SEPTEMBER", "SEP"),
    ("OCTOBRE", "OCTOBER", "OCT"),
    ("NOVEMBRE", "NOVEMBER", "NOV"),
    ("DECEMBRE", "DECEMBER", "DEC"),
)


def fold(text: str) -> str:
    """Upper case without accents, digits as 0-9, nothing invisible: so one name has one spelling."""
    return text.upper() if text.isascii() else "".join(map(_fold_letter, text))


def fold_in_place(text: str) -> tuple[str, list[int] | None]:
    """`fold(text)`, and for each of its characters the index in `text` it comes from; None if the same."""
    if text.isascii():
        return text.upper(), None
    letters = [_fold_letter(letter) for letter in text]
    return "".join(letters), [index for index, letter in enumerate(letters) for _ in letter]


@cache
def _fold_letter(letter: str) -> str:
    if letter.isascii():
        return letter.upper()
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    if unicodedata.category(letter) == "Cf":  # soft hyphens, joiners and marks of direction
        return ""
    decomposed = unicodedata.normalize("NFKD", letter)
    upper = "".join(part for part in decomposed if not unicodedata.combining(part)).upper()
    return "".join(_LETTERS.get(part, part) for part in upper)


def name_spellings(texts: Iterable[str]) -> set[str]:
    """The folded words of names, and how they are written together: GALL and LEGALL for Le Gall.

    Letters with a diaeresis have two spellings: MULLER and MUELLER for Müller.
    """
    words: set[str] = set()
    for text in texts:
        forms = [fold(text)]
        if not text.isascii():
            composed = unicodedata.normalize("NFC", text).upper()
            forms.append(fold(composed.translate(_DIAERESES)))
        for component in (part for form in forms for part in _COMPONENT.split(form)):
            found = _WORD.findall(component)
            words.update(found)
            if 1 < len(found) <= _LONGEST_TOGETHER:
                words.add("".join(found))
    return words


def birth_spellings(birth: date) -> tuple[set[str], set[str]]:
    """Ways to write a date of birth without separators: found in any text, and as a whole word only."""
    year, month, day = f"{birth.year:04d}", f"{birth.month:02d}", f"{birth.day:02d}"
    whole = {year + month + day, day + month + year, month + day + year}
    whole |= {f"{birth.day}{birth.month}{year}", f"{birth.month}{birth.day}{year}"}
    for word in _MONTHS[birth.month - 1]:
        for number in {day, str(birth.day)}:
            whole |= {f"{number}{word}{year}", f"{word}{number}{year}", f"{number}{word}{year[2:]}"}
    return whole, {day + month + year[2:], year[2:] + month + day, month + day + year[2:]}
