"""Read coded entries, numbers and words of a clean object."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydicom import Dataset

from federim_pipelines.codes.code import Code
from federim_pipelines.codes.systems import or_oid
from federim_pipelines.deidentify.content_table import Concept, in_snomed_ct
from federim_pipelines.deidentify.multiplicity import values_of

_VALUES: Final = ("CodeValue", "LongCodeValue", "URNCodeValue")


def concept_of(entries: Sequence[Dataset] | None) -> Concept | None:
    """Scheme designator and value of the first coded entry of a sequence; SNOMED's retired form made present.

    References
    ----------
    DICOM PS3.3, 8.8 (Code Sequence Macro); PS3.16, 8.1 and Annex O (retired SNOMED codes).
    """
    for entry in entries or ():
        scheme = _word(entry, "CodingSchemeDesignator")
        for keyword in _VALUES:
            if value := _word(entry, keyword):
                return in_snomed_ct((scheme, value))
    return None


def code_of(entries: Sequence[Dataset] | None) -> Code | None:
    """As `concept_of`, with the URI of the system; of a maker's own scheme nobody knows one."""
    concept = concept_of(entries)
    return None if concept is None else code_from(concept)


def code_from(concept: Concept) -> Code:
    """A concept with the URI of its system."""
    return Code(concept[1], or_oid(concept[0]))


def public_code(entries: Sequence[Dataset] | None) -> str | None:
    """The value of a coded entry, for a column that does not say its system; a maker's own is left out."""
    code = code_of(entries)
    return None if code is None or code.system is None else code.code


def numbers(item: Mapping[Any, Any] | Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers of an attribute, or None."""
    try:
        found = tuple(float(part) for part in values_of(item.get(keyword)))
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def number(item: Dataset, keyword: str) -> float | None:
    """One finite number, or None."""
    found = numbers(item, keyword, 1)
    return None if found is None else found[0]


def word(item: Dataset, keyword: str) -> str | None:
    """A text of one value; None where it is empty."""
    return _word(item, keyword) or None


def _word(item: Dataset, keyword: str) -> str:
    return "\\".join(str(part) for part in values_of(item.get(keyword))).strip(" \0")
