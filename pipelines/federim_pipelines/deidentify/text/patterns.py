"""Recognise what identifies a person by its form alone: national numbers, dates, telephones, addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

# Neither within a longer number, nor within a version or a UID.
_START, _END = r"(?<![\w.])", r"(?!\w|\.\d)"

_MONTH = (
    r"(?:janv?(?:ier|uary)?|f[eé]v(?:r(?:ier)?)?|feb(?:ruary)?|mar(?:s|ch)?|avr(?:il)?|apr(?:il)?|mai|may"
    r"|juin|june?|juil(?:let)?|july?|ao[uû]t|aug(?:ust)?|sept?(?:embre|ember)?|oct(?:obre|ober)?"
    r"|nov(?:embre|ember)?|d[eé]c(?:embre|ember)?)\.?"
)
_MONTH_IN_FULL = (
    r"(?:janvier|f[eé]vrier|mars|avril|mai|juin|juillet|ao[uû]t|septembre|octobre|novembre|d[eé]cembre)"
)
_DAY, _MONTH_NUMBER = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_DD, _MM, _YYYY = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])", r"(?:19|20)\d\d"
_TIME = r"(?:[T ]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?"
_NEXT = r"[ .,/_-]{0,2}"
_CAPITALISED = r"(?-i:[A-ZÀ-Ý])[\w'-]*"


@dataclass(frozen=True, slots=True)
class _Form:
    """A regular expression, the digits a text must hold to be worth the search, and what tells a true one."""

    expression: str
    digits: int
    holds: Callable[[str], bool] | None = None


def nir_key_holds(text: str) -> bool:
    """Whether 13 characters and 2 digits, separators aside, are a NIR (or INS) and its key.

    References
    ----------
    INSEE, NIR: key = 97 − (number mod 97), Corsica's 2A and 2B counted as 19 and 18.
    """
    number = "".join(char for char in text.upper() if char.isalnum())
    body, key = number[:-2].replace("2A", "19").replace("2B", "18"), number[-2:]
    return len(number) == 15 and body.isdecimal() and key.isdecimal() and int(key) == 97 - int(body) % 97


def luhn_holds(text: str) -> bool:
    """Whether the last digit of a number is its Luhn key (ISO/IEC 7812-1, annex B)."""
    digits = [int(char) for char in text if char.isdecimal()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


# None of these stands in technical text.
_CERTAIN = (
    # INS or NIR: between its parts spaces, or the same sign everywhere, since 1.33303435217858 is a number
    _Form(
        rf"{_START}(?:[123478] ?\d\d ?\d\d ?(?:\d\d|2[AB])(?: ?\d{{3}}){{2}}"
        rf"|[123478]([.-])\d\d\1\d\d\1(?:\d\d|2[AB])(?:\1\d{{3}}){{2}})[ .-]?\d\d{_END}",
        14,
        nir_key_holds,
    ),
    # RPPS
    _Form(rf"{_START}10\d{{9}}{_END}", 11, luhn_holds),
    # a number after the name of its register
    _Form(
        r"\b(?:IPP|NIP|NDA|IEP|MRN|INS|NIR|NIA|NSS|SSN|RPPS|ADELI|FINESS|dossier|accession|patient ?id)"
        r"\b[ .:=#]{0,3}(?:n[°ºo]?|num[eé]ro)?[ .:=#]{0,3}[A-Z]{0,4}-?\d[\d ./-]{3,}\d",
        5,
    ),
    # telephones: French, international, American
    _Form(rf"{_START}(?:0|(?:\+|00)33 ?(?:\(0\))? ?)[1-9](?:[ .-]?\d\d){{4}}{_END}", 10),
    _Form(r"(?<![\w.])\+[1-9]\d{0,2}[ .-]\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,5}(?!\w|\.\d)", 6),
    _Form(r"(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[- ])\d{3}-\d{4}(?![\w-]|\.\d)", 10),
    # American social security
    _Form(r"(?<![\w.-])\d{3}-\d\d-\d{4}(?![\w-]|\.\d)", 9),
    # e-mail, URL
    _Form(r"[^\s<>()@,;:]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,}", 0),
    _Form(r"\b(?:https?|ftps?|file|dicom|smb)://\S+|\bwww\.\S+", 0),
    # IP address: of a private range, or with more digits than a version has
    _Form(
        rf"{_START}(?:192\.168|172\.(?:1[6-9]|2\d|3[01])|127\.0)(?:\.\d{{1,3}}){{2}}(?![\w.])"
        rf"|{_START}(?=[\d.]{{11,15}}(?![\d.]))(?:(?:1?\d?\d|2[0-4]\d|25[0-5])\.){{3}}"
        r"(?:1?\d?\d|2[0-4]\d|25[0-5])(?![\w.])",
        6,
    ),
    # address: number and street, postal code and town
    _Form(
        r"\b\d{1,4} ?(?:bis|ter|quater)?,? (?:(?:rue|avenue|boulevard|bd|blvd|chemin|all[eé]e|impasse|quai"
        r"|faubourg|lotissement|r[eé]sidence|street|road)\b"
        rf"|(?:place|cours|route|square|av\.) (?:de |du |des |d'|(?=\w{{3}}){_CAPITALISED}))"
        rf"(?:[ '](?:de|du|des|la|le|les|d|l|{_CAPITALISED})\b){{0,5}}",
        1,
    ),
    _Form(rf"(?<![\w.,-])(?:[A-Z]{{1,2}}-)?(?:0[1-9]|[1-8]\d|9[0-58])\d{{3}},? (?=\w{{4}}){_CAPITALISED}", 5),
    # date: with separators, compact, with a month's name
    _Form(
        rf"{_START}(?:{_YYYY}[-/]{_MONTH_NUMBER}[-/]{_DAY}|{_YYYY}[. _]{_MM}[. _]{_DD}"
        rf"|{_DAY}[-/]{_MONTH_NUMBER}[-/]{_YYYY}|{_MONTH_NUMBER}[-/]{_DAY}[-/]{_YYYY}"
        rf"|{_DD}[. _]{_MM}[. _]{_YYYY}|{_MM}[. _]{_DD}[. _]{_YYYY}"
        rf"|{_DAY}/{_MONTH_NUMBER}/\d\d|{_MONTH_NUMBER}/{_DAY}/\d\d|{_DD}-{_MM}-\d\d)(?!\d|\.\d)",
        4,
    ),
    _Form(
        rf"(?<![^\W_]|[.])(?:{_YYYY}{_MM}{_DD}{_TIME}|{_DD}{_MM}{_YYYY}|{_MM}{_DD}{_YYYY})(?![^\W_]|\.\d)", 8
    ),
    _Form(
        rf"\b{_DAY}(?:er|st|nd|rd|th)?(?: of)?{_NEXT}{_MONTH}{_NEXT}(?:{_YYYY}|'?\d\d)\b"
        rf"|(?<![^\W\d_]){_MONTH}{_NEXT}(?:{_DAY}(?:st|nd|rd|th)?[ .,/_-]{{1,2}}(?:[\d:]+ (?:[A-Z]+ )?)?)?"
        rf"{_YYYY}\b",
        3,
    ),
    # somebody with a title, or a birth
    _Form(
        r"\b(?:(?-i:M(?:me|lle|rs|adame|onsieur|ademoiselle)|D(?:r|octeur)|Pr(?:of)?|Ms)\.?|(?-i:Mr?\.)) "
        rf"{_CAPITALISED}(?: (?-i:[A-ZÀ-Ý][a-zà-ÿ])[\w'-]*){{0,2}}"
        rf"|\b(?:née?|nee|born|n[eé]\(e\))(?: (?:le|on|en|in))?(?: {_CAPITALISED})?(?!\w)",
        0,
    ),
)
# What a person typed may be read so, where a device's text may not: 05.26.00 is a version too.
_LIKELY = (
    _Form(
        rf"(?<!\d)(?:{_DAY}[ ._/-]{_MONTH_NUMBER}|{_MONTH_NUMBER}[ ._/-]{_DAY})[ ._/-]\d\d(?:\d\d)?(?!\d)"
        rf"|(?<!\d)\d\d[ ._/-]{_MM}[ ._/-]{_DD}(?!\d)",
        4,
    ),
    _Form(rf"(?<!\w){_DAY}(?:er)? {_MONTH_IN_FULL}\b", 1),
    _Form(r"(?<!\d)\d(?:[ /_-]?\d){6,}(?!\d)", 7),
    _Form(r"(?<![\w.])\d+(?:\.\d+){3,}(?![\w.])", 4),
)
_MOST_DIGITS = max(form.digits for form in _CERTAIN)
_DIGIT = re.compile(r"\d")


def holds_identifier(text: str) -> bool:
    """Whether `text` holds what identifies a person by its form, whoever the patient is.

    Made for text a device writes: versions, UIDs, decimal numbers and codes are none.
    """
    return any(
        holds is None or holds(match[0])
        for pattern, holds in _compiled(_digits(text), likely=False)
        for match in pattern.finditer(text)
    )


def without_identifiers(text: str, gap: str = " ") -> str:
    """`text`, as a person typed it, with `gap` for each identifier, or for what is likely one.

    Any number of seven digits or more is likely one.
    """
    for pattern, holds in _compiled(_digits(text), likely=True):
        text = pattern.sub(gap if holds is None else partial(_gap_if, holds, gap), text)
    return text


def _gap_if(holds: Callable[[str], bool], gap: str, match: re.Match[str]) -> str:
    return gap if holds(match[0]) else match[0]


def _digits(text: str) -> int:
    return min(len(_DIGIT.findall(text)), _MOST_DIGITS)


@cache
def _compiled(
    digits: int, *, likely: bool
) -> tuple[tuple[re.Pattern[str], Callable[[str], bool] | None], ...]:
    """The forms that may be in a text of so many digits."""
    forms = _CERTAIN + _LIKELY if likely else _CERTAIN
    return tuple(
        (re.compile(form.expression, re.IGNORECASE), form.holds) for form in forms if form.digits <= digits
    )
