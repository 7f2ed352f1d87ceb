"""Say in an object what was done to it."""

from __future__ import annotations

from functools import cache
from typing import Any

from federim_pipelines.deidentify.codes import code_meaning
from federim_pipelines.deidentify.policy import Policy

# (tag, VR, value); the value of a sequence is its items, each a stamp of its own. In the order of tags.
Stamp = tuple[tuple[int, str, Any], ...]


@cache
def _codes(codes: tuple[str, ...]) -> tuple[Stamp, ...]:
    return tuple(
        (
            (0x00080100, "SH", code),
            (0x00080102, "SH", "DCM"),
            (0x00080104, "LO", code_meaning("DCM", code) or code),
        )
        for code in codes
    )


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
        (0x00120064, "SQ", _codes(policy.codes)),  # DeidentificationMethodCodeSequence
        (0x00280303, "CS", dates),  # LongitudinalTemporalInformationModified
    )
