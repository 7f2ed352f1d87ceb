"""What a check of the lake finds wrong: never a patient's value, nor the name of a file with one's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

RESTORE = "restore the home's lake and objects from one and the same backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What was found, where, what was expected there, and what to do."""

    where: str
    found: str
    expected: str
    do: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; expected {self.expected}; {self.do}"


def counted(where: str, count: int, what: str, expected: str, do: str = RESTORE) -> Iterator[Problem]:
    """The problem that there are `count` of something, if there are any."""
    if count:
        yield Problem(where=where, found=f"{count:,} {what}", expected=expected, do=do)
