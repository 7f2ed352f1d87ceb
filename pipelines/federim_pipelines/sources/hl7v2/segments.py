"""The segments of a message, their fields and what is in them, taken apart only where it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})  # their first field is the separator itself
DELETED: Final = '""'  # says that there is no value; for a reader, so does an empty field

_PLAIN: Final = {".br": "\n", "H": "", "N": ""}
_HEXADECIMAL = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The five characters a message is cut with, and what its escapes stand for."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @classmethod
    def of(cls, header: str) -> Delimiters:
        """Those that a header segment declares in its first two fields; the usual ones where it does not."""
        told = header[4:].partition(header[3:4])[0]
        return cls(header[3:4] or "|", *told[:4]) if len(told) <= 4 else cls(header[3:4], *told[:4])

    def unescaped(self, text: str) -> str:
        """`text` with its escapes replaced; one nobody knows stays as it is.

        References
        ----------
        HL7 v2.5, 2.7.
        """
        if self.escape not in text:
            return text
        parts = text.split(self.escape)
        read = [parts[0]]
        inside = True
        for place, part in enumerate(parts[1:], start=1):
            if not inside:
                read.append(part)
                inside = True
            elif place == len(parts) - 1 or (meant := self._meant(part)) is None:
                read.append(self.escape + part)
            else:
                read.append(meant)
                inside = False
        return "".join(read)

    def _meant(self, escaped: str) -> str | None:
        letters = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
        }
        if escaped in letters:
            return letters[escaped]
        if (told := _HEXADECIMAL.fullmatch(escaped)) is not None:
            return bytes.fromhex(told[1]).decode("latin-1")
        return _PLAIN.get(escaped)


@dataclass(frozen=True, slots=True)
class Value:
    """One repetition of a field. Never shown: it is the patient's."""

    raw: str
    delimiters: Delimiters

    def __call__(self, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a component, from 1, or of a part of it; "" where there is none."""
        whole = _at(self.raw, self.delimiters.component, component)
        text = _at(whole, self.delimiters.subcomponent, subcomponent).strip()
        return "" if text == DELETED else self.delimiters.unescaped(text)

    def component(self, place: int) -> Value:
        """A component whose parts are those of a type of their own, as OBR-15.1 is a coded value."""
        whole = _at(self.raw, self.delimiters.component, place)
        return Value(whole, replace(self.delimiters, component=self.delimiters.subcomponent, subcomponent=""))

    def __repr__(self) -> str:
        return "Value(…)"


class Segment:
    """One segment: `segment(3, 1)` is the text of its third field's first component."""

    __slots__ = ("_delimiters", "_fields", "line", "name", "text")

    def __init__(self, text: str, delimiters: Delimiters, line: int) -> None:
        self.text = text
        self._fields = text.split(delimiters.field)
        self._delimiters = delimiters
        self.name = self._fields[0].strip()
        self.line = line  # of the file, where it begins
        if self.name in HEADERS:
            self._fields.insert(1, delimiters.field)

    def __call__(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a component of a field's first repetition; "" where there is none."""
        raw = self.raw(field)
        if raw.isalnum() or not raw:  # nothing to take apart, as in most fields
            return raw if component == subcomponent == 1 else ""
        return self.value(field)(component, subcomponent)

    def value(self, field: int) -> Value:
        """The first repetition of a field."""
        return Value(_at(self.raw(field), self._delimiters.repetition, 1), self._delimiters)

    def values(self, field: int) -> Iterator[Value]:
        """The repetitions of a field that are not empty."""
        for repetition in self.raw(field).split(self._delimiters.repetition):
            if repetition and repetition != DELETED:
                yield Value(repetition, self._delimiters)

    def raw(self, field: int) -> str:
        """A field as it is written, with its separators."""
        return self._fields[field] if field < len(self._fields) else ""

    def __repr__(self) -> str:
        return f"Segment({self.name} at line {self.line})"


def _at(text: str, separator: str, place: int) -> str:
    if not separator or separator not in text:
        return text if place == 1 else ""
    parts = text.split(separator, place)
    return parts[place - 1] if len(parts) >= place else ""
