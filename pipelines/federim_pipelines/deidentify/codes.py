"""Say what a code means in the Standard's words, never in the sender's."""

from __future__ import annotations

from functools import cache
from typing import cast

from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

# scheme → identifier → value → (meaning, context groups)
_Concepts = dict[str, dict[str, dict[str, tuple[str, list[int]]]]]

# Other names of SNOMED's two forms of code: RT identifiers such as T-A0100, and concept numbers.
_RT_SCHEMES = frozenset({"SRT", "SNM3", "99SDM"})


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """(scheme, value) → meaning, the shortest where the dictionary gives several."""
    found: dict[tuple[str, str], str] = {}
    for scheme, names in cast(_Concepts, concepts).items():
        for codes in names.values():
            for value, (meaning, _) in codes.items():
                known = found.setdefault((scheme, value), meaning)
                found[scheme, value] = min(known, meaning, key=lambda words: (len(words), words))
    return found


def code_meaning(scheme: str, value: str) -> str | None:
    """The meaning of a code of DICOM's context groups; None if they do not hold it.

    References
    ----------
    DICOM PS3.16, Annexes B and D.
    """
    if scheme in _RT_SCHEMES:
        scheme, value = "SCT", mapping["SRT"].get(value, "")
    return _meanings().get((scheme, value))
