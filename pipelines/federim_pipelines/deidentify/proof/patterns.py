"""Recognise identifiers by their shape and key: national numbers, telephones, addresses of e-mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ahocorasick_rs import MATCHKIND_LEFTMOST_FIRST, BytesAhoCorasick

_NIR = re.compile(
    r"(?<![\w.])([1-478])[ .-]?(\d\d)[ .-]?(0[1-9]|1[0-2]|[2-9]\d)[ .-]?(\d\d|2[AB])"
    r"[ .-]?(\d{3})[ .-]?(\d{3})[ .-]?(\d\d)(?!\w)"
)
_ELEVEN = re.compile(r"(?<![\w.])(?:1[0-2]?|8)\d{9,10}(?![\w.])")
_FINESS = re.compile(r"(?<![\w.])(?:0[1-9]|[1-8]\d|9[0-8]|2[AB])\d{7}(?![\w.])")
_TELEPHONE = re.compile(
    r"(?<![\w.])(?:(?:\+|00)33[ .-]?(?:\(0\))?[ .-]?|0)[1-9](?:[ .-]?\d\d){4}(?![\w.]*\d)"
    r"|(?<![\w.])\+[1-9](?:[ .-]?\(?\d\)?){8,14}(?!\d)"
)
_MAIL = re.compile(r"[A-Za-z0-9][\w.%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")

_MOMENT = re.compile(rb"\D(?:19|20)\d{12}(?!\d)")  # a DT value

# The shapes above in bytes whose letters are `a`, digits `0`, and the others but a few separators `x`:
# one pass for all of them, met in hardly any clean header.
_SHAPE = bytes(
    48
    if 48 <= code <= 57
    else 97
    if chr(code).isalpha() and code < 128
    else code
    if code in b" .-+@"
    else 120
    for code in range(256)
)
_SHAPES = BytesAhoCorasick(
    [
        *(f"{before}000000000".encode() for before in "x -"),
        *(f"{before}@{after}".encode() for before in "a0" for after in "a0"),
        *(f"{between}000{between}000{between}00".encode() for between in " .-"),
        *(f"00{between}00{between}00{between}00".encode() for between in " .-"),
        *(f"{before}0a000000".encode() for before in "x -"),
        *(f"{before}+00".encode() for before in "x -"),
    ],
    matchkind=MATCHKIND_LEFTMOST_FIRST,
)


def may_hold_pattern(content: bytes) -> bool:
    """Whether a closer look at these bytes is worth its time; never False where an identifier is."""
    content = b" " + content
    matches = _SHAPES.find_matches_as_indexes(content.translate(_SHAPE))
    return any(not _MOMENT.match(content, start) for _, start, _ in matches)


def patterns_in(text: str) -> Iterator[str]:
    """The kinds of identifiers in a text: NIR, RPPS, FINESS, telephone number, e-mail address.

    References
    ----------
    INSEE, NIR: key 97 − n mod 97, departments 2A and 2B as 19 and 18. ANS, RPPS and FINESS: Luhn.
    """
    for kind, found in _PATTERNS:
        if found(text):
            yield kind


def _holds_nir(text: str) -> bool:
    for match in _NIR.finditer(text):
        digits = "".join(match.groups()[:-1]).replace("2A", "19").replace("2B", "18")
        if 97 - int(digits) % 97 == int(match[7]):
            return True
    return False


def _luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def _holds_rpps(text: str) -> bool:
    return any(len(match[0]) == 11 and _luhn(match[0]) for match in _ELEVEN.finditer(text))


def _holds_finess(text: str) -> bool:
    return any(_luhn(match[0].replace("2A", "20").replace("2B", "20")) for match in _FINESS.finditer(text))


_PATTERNS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("NIR", _holds_nir),
    ("RPPS", _holds_rpps),
    ("FINESS", _holds_finess),
    ("telephone number", _TELEPHONE.search),
    ("e-mail address", _MAIL.search),
)
