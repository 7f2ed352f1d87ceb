"""Recognise, and take out, a patient's own identifying values in any text that is about to be kept."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from federim_pipelines.deidentify.dates import parse_date
from federim_pipelines.deidentify.header import Unknown
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.text.spelling import birth_spellings, fold, fold_in_place, name_spellings

if TYPE_CHECKING:
    from federim_pipelines.deidentify.header import Attributes

# Shorter, and half of all technical words would hold one: "Li" is in "AXIAL TILT", "12" in everything.
SHORTEST_NAME = 3
SHORTEST_NUMBER = 4
SHORTEST_ALONE = 6  # a DS or IS of fewer digits is a repetition time before it is a patient's number
# From this length a name is looked for inside words too (FDUPONT); below, PRIMARY would fall for every Mary.
SHORTEST_INSIDE = 5
LONGEST_INITIALS = 2  # "JP DUPONT": longer, and it is a word

_PEOPLE = (
    "PatientName",
    "PatientBirthName",
    "PatientMotherBirthName",
    "OtherPatientNames",
    "ResponsiblePerson",
)
_ADDRESS = "PatientAddress"
_NUMBERS = (
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "AdmissionID",
    "MedicalRecordLocator",
    "PatientTelephoneNumbers",
    "ServiceEpisodeID",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)
# Staff are nobody's own values, so they empty no device's text; they are taken out of what people type.
_STAFF = (
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "PhysiciansOfRecord",
    "RequestingPhysician",
    "OperatorsName",
)
_TITLES = frozenset({"DR", "JR", "ME", "MLLE", "MME", "MR", "MRS", "MS", "PR", "PROF", "SR"})

_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"\d+|[^\W\d_]+")  # MARTIN1952 is the words MARTIN and 1952 too
_LONG_NUMBER = re.compile(rf"\d{{{SHORTEST_ALONE},}}")
_BETWEEN_INITIALS = re.compile(r"[ .,^-]{0,3}")


@dataclass(frozen=True, slots=True)
class OwnValues:
    """What tells one patient from others in their own header. Never shown: `repr` holds no value.

    Every text is folded (`spelling.fold`).
    """

    names: frozenset[str] = field(default=frozenset(), repr=False)  # looked for as whole words
    numbers: frozenset[str] = field(default=frozenset(), repr=False)  # letters and digits, no separators
    inside: frozenset[str] = field(default=frozenset(), repr=False)  # those that stand out in words
    short: frozenset[str] = field(default=frozenset(), repr=False)  # names too short to empty a text for
    staff: frozenset[str] = field(default=frozenset(), repr=False)
    initials: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, attributes: Attributes) -> OwnValues:
        """Gather them from a header as the device wrote it."""
        people = name_spellings(_texts(attributes, _PEOPLE)) - _TITLES
        spellings = people | name_spellings(_texts(attributes, (_ADDRESS,)))
        names = {word for word in spellings if len(word) >= SHORTEST_NAME or not word.isascii()}
        inside = {name for name in names if _stands_out(name)}
        numbers = {_together(fold(text)) for text in _texts(attributes, _NUMBERS)}
        for item in _values(attributes, "OtherPatientIDsSequence"):
            numbers.update(_together(fold(text)) for text in _texts(item, ("PatientID",)))
        for number in tuple(numbers):
            # IPP-778899 is also written 778899, and 0012345678 without its zeros.
            runs = _LONG_NUMBER.findall(number)
            numbers.update(runs)
            numbers.update(run.lstrip("0") for run in runs if len(run.lstrip("0")) >= SHORTEST_ALONE)
        for text in _texts(attributes, ("PatientBirthDate",)):
            birth = parse_date(text)
            if birth is not None:
                whole, alone = birth_spellings(birth)
                numbers |= whole
                names |= alone
        numbers = {number for number in numbers if len(number) >= SHORTEST_NUMBER}
        return cls(
            names=frozenset(names),
            numbers=frozenset(numbers),
            inside=frozenset(numbers | inside),
            short=frozenset(word for word in people if len(word) == SHORTEST_NAME - 1),
            staff=frozenset(
                word
                for word in name_spellings(_texts(attributes, _STAFF)) - _TITLES
                if len(word) >= SHORTEST_NAME
            ),
            initials=frozenset(word[0] for word in people),
        )

    def __or__(self, other: OwnValues) -> OwnValues:
        """The values of both, for what belongs to several patients: a folder's name, for one."""
        return OwnValues(
            **{kind.name: getattr(self, kind.name) | getattr(other, kind.name) for kind in fields(self)}
        )

    def are_in(self, text: str) -> bool:
        """Whether `text` holds one of them, whatever its case, accents and separators."""
        folded = fold(text)
        words = _WORD.findall(folded)
        if not (self.names.isdisjoint(words) and self.names.isdisjoint(_PIECE.findall(folded))):
            return True
        together = "".join(words)
        return any(value in together for value in self.inside)

    def are_numbers(self, texts: Iterable[str]) -> bool:
        """Whether one of `texts`, numbers in digits, is one of them and nothing else."""
        alone = {number.lstrip("0") for number in self.numbers if len(number) >= SHORTEST_ALONE}
        return any(text.strip().lstrip("+0") in alone for text in texts)

    def are_in_bytes(self, content: bytes) -> bool:
        """Whether `content` holds one of them in Latin-1 or UTF-8, or in 16 bits a Latin letter."""
        content = content.replace(b"\0", b"")
        return self.are_in(content.decode("latin-1")) or (
            not content.isascii() and self.are_in(content.decode("utf-8", "ignore"))
        )

    def without(self, text: str, gap: str = " ") -> str:
        """`text` with `gap` for each word that holds one of them, even for part of the word.

        Unlike `are_in`, it also finds names of two letters, initials beside a name or one another, and
        the staff's names: to lose a word costs less than to lose a text.
        """
        folded, places = fold_in_place(text)
        spans = [match.span() for match in _WORD.finditer(folded)]
        words = [folded[start:end] for start, end in spans]
        gone = self._gone(words)
        self._add_initials(gone, folded, spans, words)
        if not gone:
            return text
        left, at = [], 0
        for index in sorted(gone):
            start, end = spans[index]
            first, last = (start, end) if places is None else (places[start], places[end - 1] + 1)
            left.append(text[at:first])
            at = max(at, last)
        left.append(text[at:])
        return gap.join(left)

    def _gone(self, words: list[str]) -> set[int]:
        """Which of `words` hold a name or a number, or are part of one."""
        gone = {
            index
            for index, word in enumerate(words)
            if word in self.names
            or word in self.short
            or word in self.staff
            or not (word.isalpha() or self.names.isdisjoint(_PIECE.findall(word)))
        }
        together = "".join(words)
        starts: list[int] = []
        for value in self.inside:
            at = together.find(value)
            while at >= 0:
                starts = starts or list(accumulate(map(len, words), initial=0))
                gone.update(range(bisect_right(starts, at) - 1, bisect_right(starts, at + len(value) - 1)))
                at = together.find(value, at + 1)
        return gone

    def _add_initials(
        self, gone: set[int], folded: str, spans: list[tuple[int, int]], words: list[str]
    ) -> None:
        """Add the initials in `M. DUPONT`, `DUPONT JP` and `M. D.`."""
        candidates = [
            index
            for index, word in enumerate(words)
            if len(word) <= LONGEST_INITIALS and self.initials.issuperset(word)
        ]
        among = set(candidates)
        # Twice: in DUPONT J P the second initial stands beside the first.
        for index in candidates + candidates[::-1]:
            for other in (index - 1, index + 1):
                if not 0 <= other < len(words):
                    continue
                first, second = sorted((index, other))
                if not _BETWEEN_INITIALS.fullmatch(folded, spans[first][1], spans[second][0]):
                    continue
                if other in gone or (len(words[index]) == len(words[other]) == 1 and other in among):
                    gone.add(index)


def _together(folded: str) -> str:
    return "".join(_WORD.findall(folded))


def _stands_out(name: str) -> bool:
    """Whether finding `name` inside a longer word is no accident.

    Chinese and Japanese put no space between words, so there every name is looked for.
    """
    shortest = SHORTEST_ALONE if name.isdecimal() else SHORTEST_INSIDE
    return len(name) >= shortest or not name.isascii()


def _texts(attributes: Attributes, keywords: Iterable[str]) -> Iterator[str]:
    """The texts of these attributes, one a value."""
    for keyword in keywords:
        yield from map(str, _values(attributes, keyword))


def _values(attributes: Attributes, keyword: str) -> list[Any]:
    """The values of an attribute; none where it cannot be read."""
    try:
        return values_of(attributes.get(keyword))
    except Unknown:  # what the fast path cannot read the reference path can
        raise
    except Exception:  # pydicom raises many kinds on a damaged value
        return []
