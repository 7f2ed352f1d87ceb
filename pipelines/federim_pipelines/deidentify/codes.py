"""Say what a code means in the Standard's words, never in the sender's; tell a code from a word."""

from __future__ import annotations

import re
from functools import cache

from federim_pipelines.deidentify.dictionaries import concepts, snomed_of_rt
from federim_pipelines.deidentify.text.vocabulary import units

# Other names of SNOMED's two forms of code: RT identifiers such as T-A0100, and concept numbers.
_RT_SCHEMES = frozenset({"SRT", "SNM3", "99SDM"})
# Schemes of PS3.16, Table 8-1, that are no key of the dictionary.
_SCHEMES = _RT_SCHEMES | {
    *("ACR", "ASTM", "BI", "C4", "C5", "CD2", "CPT4", "CVX", "DCMUID", "FDI", "I10", "I10P", "I9", "I9C"),
    *("ICD10", "IEEE", "ISO639_1", "ISO639_2", "ISO3166_1", "LN", "MDNS", "NDC", "NICIP", "POS", "RADLEX"),
    *("SNM", "UB04", "UMLS", "CCAM", "CIM10", "ADICAP", "L", "JLAC10", "JC10", "MAYO", "RXNORM"),
    *("RFC3066", "RFC5646", "SCPECG", "HL7", "HPC", "ICDO3", "I11", "IHERO", "MA", "MGI", "NCDR", "NYUMCCG"),
    *("PATHLEX", "RADELEMENT", "TNM", "UBERON", "UNS", "UPC", "DC"),
}
_PRIVATE_SCHEME = re.compile(r"99[A-Z0-9_]{1,14}")
# Units in UCUM that hold words and are in no context group: what dose reports count (TID 10003, 10012), rates
# of the heart, standardised uptake as it was written before CID 85 put its braces last.
_UNITS_OF_REPORTS = frozenset(
    {
        *("{events}", "{frames}", "{pulses}", "R", "uA.s", "{H.B.}/min", "{beats}/min"),
        *("{SUVbw}g/ml", "{SUVlbm}g/ml", "{SUVbsa}cm2/ml", "{SUVibw}g/ml"),
    }
)
_CODE = re.compile(r"[!-~]{1,64}")
_LETTERS = re.compile(r"[A-Za-z]+")
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Z]{2})?|eng|fra|fre|deu|ger|dut|ita|nld|por|spa")


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """(scheme, value) → meaning, the shortest where the dictionary gives several."""
    found: dict[tuple[str, str], str] = {}
    for scheme, names in concepts().items():
        for codes in names.values():
            for value, (meaning, _) in codes.items():
                known = found.setdefault((scheme, value), meaning)
                found[scheme, value] = min(known, meaning, key=lambda words: (len(words), words))
    return found


@cache
def _wordy() -> frozenset[str]:
    """Codes of the dictionary that have no digit, such as units."""
    return frozenset(value for _, value in _meanings() if not any(char.isdigit() for char in value))


@cache
def _values() -> frozenset[str]:
    return frozenset(value for _, value in _meanings())


def is_standard(value: str) -> bool:
    """Whether a context group of the Standard holds a code of this value, in whatever scheme."""
    return value in _values()


def code_meaning(scheme: str, value: str) -> str | None:
    """The meaning of a code of DICOM's context groups; None if they do not hold it.

    References
    ----------
    DICOM PS3.16, Annexes B and D.
    """
    if scheme in _RT_SCHEMES:
        scheme, value = "SCT", snomed_of_rt().get(value, "")
    return _meanings().get((scheme, value))


def is_a_code(text: str) -> bool:
    """Whether a code value is one: it has a digit and no space, or is a known word.

    Known are those of context groups, languages and units; another could as well be somebody's name.
    """
    if _CODE.fullmatch(text) is None:
        return False
    if any(char.isdigit() for char in text) or text in _wordy() or text in _UNITS_OF_REPORTS:
        return True
    if _LANGUAGE.fullmatch(text):
        return True
    words = _LETTERS.findall(text)
    return bool(words) and all(word.upper() in units() for word in words)


def is_a_scheme(text: str) -> bool:
    """Whether a coding scheme's designator is the Standard's, or a private one as the Standard spells them.

    References
    ----------
    DICOM PS3.16, 8.2 and Table 8-1.
    """
    return text in _SCHEMES or text in concepts() or _PRIVATE_SCHEME.fullmatch(text) is not None
