"""A code and its system, and what has the shape of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from federim_pipelines.deidentify.text.patterns import nir_key_holds

# A sentence has blanks. ICD-10 marks the second code of a pair with an asterisk, CCAM joins with a plus.
_CODE = re.compile(r"[\w.:/+*\-]{1,40}")
_SYSTEM = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!-~]{1,200}")
# As UCUM writes units, and as laboratories do.
_UNIT = re.compile(r"[!-~µμ°²³‰]{1,40}|mm Hg")
_NIR_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Code:
    """A code and the URI of its system, both as the source gave them."""

    code: str
    system: str | None


def best(codes: Iterable[Code], systems: Sequence[str]) -> Code | None:
    """The code whose system comes first in `systems`, else the first one; None if there is none."""

    def rank(code: Code) -> int:
        return systems.index(code.system) if code.system in systems else len(systems)

    return min(codes, key=rank, default=None)


def is_code(text: str) -> bool:
    """Whether `text` has the shape of a code."""
    return _CODE.fullmatch(text) is not None


def is_system(text: str) -> bool:
    """Whether `text` has the shape of a code system's URI."""
    return _SYSTEM.fullmatch(text) is not None


def is_unit(text: str) -> bool:
    """Whether `text` has the shape of a unit, in UCUM or as laboratories write it.

    References
    ----------
    The Unified Code for Units of Measure, section 2, character set.
    """
    return _UNIT.fullmatch(text) is not None and not is_national_number(text)


def is_national_number(text: str) -> bool:
    """Whether a text is a NIR or INS with its key, in one word or with signs between its parts."""
    return len(text) >= _NIR_DIGITS and nir_key_holds(text)
