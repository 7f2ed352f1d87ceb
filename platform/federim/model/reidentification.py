"""Why a person may be recognised, and where a request to do so stands."""

from __future__ import annotations

from enum import StrEnum


class Ground(StrEnum):
    """What lets a site look behind a pseudonym."""

    INCIDENTAL_FINDING = "incidental-finding"  # something research saw that the person should be treated for
    RIGHT_OF_ACCESS = "right-of-access"  # the person asks what is held of them
    EMERGENCY = "emergency"  # a danger to the person or to others


class Standing(StrEnum):
    """Where a request to recognise somebody stands."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"
    OPENED = "opened"
