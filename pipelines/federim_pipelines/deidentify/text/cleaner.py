"""Reduce a description to what research may read: allow-listed words and technical numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from itertools import pairwise

from federim_pipelines.deidentify.text import vocabulary
from federim_pipelines.deidentify.text.own_values import OwnValues
from federim_pipelines.deidentify.text.patterns import without_identifiers
from federim_pipelines.deidentify.text.spelling import fold

Span = tuple[int, int]  # first character and the one after the last

# 1.25, 3x3 and T2 are one word; 1/2, L4-L5 and t1_tse are several.
_WORD = re.compile(r"[^\W_]+(?:(?<=\d)[.,](?=\d)[^\W_]+)*")
_MEASURE = re.compile(r"([0-9]{1,5}(?:[.,][0-9]{1,4})?)([A-Z]*[0-9]?)")
_RUN = re.compile(r"[0-9]+|[^\W\d_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_TAKES_ANY_NUMBER = frozenset({"B", "BVAL", "ETL", "HU", "JPEG", "TE", "TI", "TR"})  # b2000 is no year

_LONGEST_NUMBER = 4  # digits: a matrix or a b-value is no longer, a patient's number seldom as short
_LONGEST_LETTERED = 5  # digits in one word of letters and digits, all its runs together
_LONGEST_AFTER_A_LETTER = 3
_MOST_LETTERS_ALONE = 2
_LONGEST_SEPARATOR = 4  # characters: " - (" and the like; longer, it is decoration
_MOST_ROUNDS = 12  # real texts need two or three

_GAP = "\0"  # where something was taken out
_BETWEEN_WORDS = re.compile(r"(?:[^\w\0]|_)*")
_SPACES = re.compile(r"\s+")
_STRANGE = re.compile(r"[^ \w+\-/^.,;:()\[\]<>*%&=#'°~|]")
_EMPTY_BRACKETS = re.compile(r"[(\[<][^\w()\[\]<>]*[)\]>]")
_OPENING, _CLOSING = "([<", ")]>"
_AT_THE_START, _AT_THE_END = "([<+*", ")]>+*%°"


class TextCleaner:
    """Cleans one patient's free text.

    The patient's own values go first, even where they are words of the vocabulary; then whatever identifies
    a person by its form; then every word that the vocabulary does not hold.

    Parameters
    ----------
    own : OwnValues
        The patient's.
    denied : frozenset of str
        Cleaned texts that the site's reviewer rejected: they are emptied. A single word goes from any text.
    second : callable, optional
        Gives the spans of a text that name somebody or some place, as `ner.second_pass()` does.

    References
    ----------
    DICOM PS3.15, E.3.5 (Clean Descriptors Option).
    """

    def __init__(
        self,
        own: OwnValues,
        *,
        denied: frozenset[str] = frozenset(),
        second: Callable[[str], Collection[Span]] | None = None,
    ) -> None:
        self._own = own
        self._denied = frozenset(fold(text) for text in denied)
        self._second = second

    def clean(self, text: str) -> str:
        """What may stay of `text`, never longer; `` if nothing is left. Cleaning it again changes nothing."""
        if self._second is not None:
            text = _without_spans(text, self._second(text))
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        # Words that a dropped one kept apart may together say a date or a name, so: until nothing goes.
        for _ in range(_MOST_ROUNDS):
            reduced = self._reduced(without_identifiers(self._own.without(text, _GAP), _GAP))
            if reduced == text:
                return text
            text = reduced
        return ""

    def denies(self, text: str) -> bool:
        """Whether the site's reviewer rejected this text as it is."""
        return bool(self._denied) and fold(text) in self._denied

    def _reduced(self, text: str) -> str:
        """The words of `text` that are technical, with what stands between them."""
        matches = list(_WORD.finditer(text))
        words = [fold(match[0]) for match in matches]
        allowed = vocabulary.words()
        kept = [
            match
            for match, word, before, after in zip(
                matches, words, ["", *words], [*words[1:], ""], strict=False
            )
            if word not in self._denied and (word in allowed or _is_technical(match[0], word, before, after))
        ]
        if not kept:
            return ""
        parts = [_edge(text[: kept[0].start()], _AT_THE_START), kept[0][0]]
        for left, right in pairwise(kept):
            parts += [_separator(text[left.end() : right.start()]), right[0]]
        parts.append(_edge(text[kept[-1].end() :], _AT_THE_END))
        reduced = _balanced("".join(parts))
        return "" if self.denies(reduced) else reduced


def _is_technical(written: str, word: str, before: str, after: str) -> bool:
    """Whether a word that the vocabulary does not hold is technical: a number, or words it holds in one.

    `written` is the word as it stands, the others are folded.
    """
    if word[-1] == "S" and len(word) > _LONGEST_NUMBER and word[:-1] in vocabulary.words():
        return True  # a plural
    if not written.isascii():
        return False
    measure = _MEASURE.fullmatch(word)
    if measure is not None:
        number, unit = measure.groups()
        whole = re.split("[.,]", number)[0]
        if (unit or after) in vocabulary.units() and len(unit or after) > 1:
            return True
        if not unit or unit in vocabulary.units():
            year = number == whole and _YEAR.fullmatch(whole) and before not in _TAKES_ANY_NUMBER
            return len(whole) <= _LONGEST_NUMBER and not year
    if "." in word or "," in word:
        return False
    return _is_put_together(_RUN.findall(word)) or _is_put_together(_CAMEL.findall(written))


def _is_put_together(runs: list[str]) -> bool:
    """Whether the runs of letters and digits in one word are each technical: B70f, dir64, SaveBySlice."""
    digits = [run for run in runs if run.isdecimal()]
    letters = [fold(run) for run in runs if not run.isdecimal()]
    if sum(map(len, digits)) > _LONGEST_LETTERED or not letters:
        return False
    if any(len(run) > 1 and run not in vocabulary.words() for run in letters):
        return False
    # B70f, H31s, R22: a letter or two about short numbers. More of them, and it is somebody's number.
    alone = [run for run in letters if len(run) == 1]
    if len(alone) > _MOST_LETTERS_ALONE or not "".join(alone).isascii() or (alone and not digits):
        return False
    takes_any = not _TAKES_ANY_NUMBER.isdisjoint(letters)
    longest = _LONGEST_AFTER_A_LETTER if alone and not takes_any else _LONGEST_NUMBER
    return not any(len(run) > longest or (_YEAR.fullmatch(run) and not takes_any) for run in digits)


def _separator(between: str) -> str:
    """What to write between two kept words, from what stands there: punctuation, or dropped words too."""
    first = _BETWEEN_WORDS.match(between)
    last = _BETWEEN_WORDS.match(between[::-1])
    if first is None or last is None or first[0] != last[0][::-1]:
        return " "
    neat = _SPACES.sub(" ", _STRANGE.sub(" ", first[0]))
    return neat if 0 < len(neat) <= _LONGEST_SEPARATOR else " "


def _edge(text: str, allowed: str) -> str:
    """What to keep of what stands before the first word, or after the last."""
    if _BETWEEN_WORDS.fullmatch(text) is None:
        return ""
    return "".join(char for char in text if char in allowed)[:_LONGEST_SEPARATOR]


def _without_spans(text: str, spans: Collection[Span]) -> str:
    """`text` with a gap for each span."""
    parts, at = [], 0
    for start, end in sorted(spans):
        if end > max(at, start):
            parts += [text[at : max(at, start)], _GAP]
            at = end
    return "".join((*parts, text[at:]))


def _balanced(text: str) -> str:
    """`text` without brackets around nothing; without any where one has lost its other half."""
    text = _EMPTY_BRACKETS.sub(" ", text)
    depth = []
    for char in text:
        if char in _OPENING:
            depth.append(_CLOSING[_OPENING.index(char)])
        elif char in _CLOSING and (not depth or depth.pop() != char):
            depth.append("")
            break
    if depth:
        text = "".join(" " if char in _OPENING + _CLOSING else char for char in text)
    return _SPACES.sub(" ", text).strip()
