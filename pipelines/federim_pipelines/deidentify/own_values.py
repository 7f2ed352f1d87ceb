"""Recognise a patient's own identifying values in any text that is about to be kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydicom import Dataset

from federim_pipelines.deidentify.dates import parse_date
from federim_pipelines.deidentify.multiplicity import values_of

# Shorter, and half of all technical words would hold one: "Li" is in "AXIAL TILT", "12" in everything.
SHORTEST_NAME = 3
SHORTEST_NUMBER = 4
SHORTEST_ALONE = 6  # a DS or IS of fewer digits is a repetition time before it is a patient's number
# From this length a name is looked for inside words too (FDUPONT); below, PRIMARY would fall for every Mary.
SHORTEST_INSIDE = 5

_NAMES = (
    "PatientName",
    "PatientBirthName",
    "PatientMotherBirthName",
    "OtherPatientNames",
    "ResponsiblePerson",
    "PatientAddress",
)
_NUMBERS = (
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "AdmissionID",
    "MedicalRecordLocator",
    "PatientTelephoneNumbers",
)


def fold(text: str) -> str:
    """Upper case without accents, so that one name has one spelling."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).upper()


def _words(folded: str) -> list[str]:
    return re.findall(r"[^\W_]+", folded)


def _together(folded: str) -> str:
    return "".join(_words(folded))


def _stands_out(name: str) -> bool:
    """Whether finding `name` inside a longer word is no accident.

    Chinese and Japanese put no space between words, so there every name is looked for.
    """
    return len(name) >= SHORTEST_INSIDE or not name.isascii()


@dataclass(frozen=True, slots=True)
class OwnValues:
    """What tells one patient from others in their own header. Never shown: `repr` holds no value."""

    names: frozenset[str] = field(repr=False)  # folded words
    numbers: frozenset[str] = field(repr=False)  # folded letters and digits, without separators

    @classmethod
    def of(cls, dataset: Dataset) -> OwnValues:
        """Gather them from a header as the device wrote it."""
        names = {word for text in _texts(dataset, _NAMES) for word in _words(fold(text))}
        numbers = {_together(fold(text)) for text in _texts(dataset, _NUMBERS)}
        for item in dataset.get("OtherPatientIDsSequence") or ():
            numbers.update(_together(fold(text)) for text in _texts(item, ("PatientID",)))
        # IPP-778899 is also written 778899.
        numbers.update(
            run for number in tuple(numbers) for run in re.findall(rf"\d{{{SHORTEST_ALONE},}}", number)
        )
        for text in _texts(dataset, ("PatientBirthDate",)):
            birth = parse_date(text)
            if birth is not None:
                numbers.update(birth.strftime(form) for form in ("%Y%m%d", "%d%m%Y", "%m%d%Y"))
        return cls(
            names=frozenset(word for word in names if len(word) >= SHORTEST_NAME or not word.isascii()),
            numbers=frozenset(number for number in numbers if len(number) >= SHORTEST_NUMBER),
        )

    def are_in(self, text: str) -> bool:
        """Whether `text` holds one of them, whatever its case, accents and separators."""
        folded = fold(text)
        words = _words(folded)
        # MARTIN1952 is the words MARTIN and 1952 too.
        pieces = {*words, *(piece for word in words for piece in re.findall(r"\d+|\D+", word))}
        together = "".join(words)
        return (
            not self.names.isdisjoint(pieces)
            or any(name in together for name in self.names if _stands_out(name))
            or any(number in together for number in self.numbers)
        )

    def are_numbers(self, texts: Iterable[str]) -> bool:
        """Whether one of `texts`, numbers in digits, is one of them and nothing else."""
        alone = {number.lstrip("0") for number in self.numbers if len(number) >= SHORTEST_ALONE}
        return any(text.strip().lstrip("+0") in alone for text in texts)

    def are_in_bytes(self, content: bytes) -> bool:
        """Whether `content` holds one of them as Latin text, in 8 or 16 bits a letter."""
        return self.are_in(content.replace(b"\0", b"").decode("latin-1"))


def _texts(dataset: Dataset, keywords: Iterable[str]) -> Iterator[str]:
    """The texts of these attributes, one a value; an attribute that cannot be read has none."""
    for keyword in keywords:
        try:
            value = dataset.get(keyword)
        except Exception:  # noqa: S112 — pydicom raises many kinds on a damaged value
            continue
        yield from (str(part) for part in values_of(value))
