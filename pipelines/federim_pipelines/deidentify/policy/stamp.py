"""Say in an object what was done to it."""

from __future__ import annotations

from typing import Any, Final

from federim_pipelines.deidentify.policy.policy import Policy

# (tag, VR, value); the value of a sequence is its items, each a stamp of its own. In the order of tags.
Stamp = tuple[tuple[int, str, Any], ...]


# As pydicom's dictionary has them, which takes longer to load than it takes to clean a hundred files.
_MEANINGS: Final = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}


def stamp(policy: Policy) -> Stamp:
    """What every object carries that a policy was applied to, whatever it said of itself before.

    References
    ----------
    DICOM PS3.15, E.3; PS3.3, C.7.1.1 and C.12.1; PS3.16, CID 7050.
    """
    dates = "UNMODIFIED" if policy.keeps_dates else "MODIFIED" if policy.moves_dates else "REMOVED"
    return (
        (0x00120062, "CS", "YES"),  # PatientIdentityRemoved
        (0x00120063, "LO", f"Federim policy {policy.digest[:16]}"),  # DeidentificationMethod
        (0x00120064, "SQ", _codes(policy)),  # DeidentificationMethodCodeSequence
        (0x00280303, "CS", dates),  # LongitudinalTemporalInformationModified
    )


def _codes(policy: Policy) -> tuple[Stamp, ...]:
    return tuple(
        ((0x00080100, "SH", code), (0x00080102, "SH", "DCM"), (0x00080104, "LO", _MEANINGS[code]))
        for code in policy.codes
    )
