"""What a DRIMbox consumer sends a source, and what each of its answers means."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Final

from federim_pipelines.sources.web.server import Answered, Unreachable

# Sources look for a quality with one decimal beside each transfer syntax, and take no wildcard. What loses
# nothing first; an image that was stored with losses comes as it is.
TRANSFER_SYNTAXES: Final = {
    "1.2.840.10008.1.2.1": "1.0",  # Explicit VR Little Endian
    "1.2.840.10008.1.2.4.80": "0.9",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.90": "0.9",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.70": "0.9",  # JPEG Lossless
    "1.2.840.10008.1.2.5": "0.8",  # RLE Lossless
    "1.2.840.10008.1.2.4.81": "0.5",  # JPEG-LS Near-Lossless
    "1.2.840.10008.1.2.4.91": "0.5",  # JPEG 2000
    "1.2.840.10008.1.2.4.51": "0.4",  # JPEG Extended
    "1.2.840.10008.1.2.4.50": "0.4",  # JPEG Baseline
    "1.2.840.10008.1.2.4.100": "0.3",  # MPEG2 Main Profile / Main Level
    "1.2.840.10008.1.2.4.101": "0.3",  # MPEG2 Main Profile / High Level
    "1.2.840.10008.1.2.4.102": "0.3",  # MPEG-4 AVC/H.264 High Profile 4.1
    "1.2.840.10008.1.2.4.103": "0.3",  # MPEG-4 AVC/H.264 BD-compatible High Profile 4.1
}


class Ending(StrEnum):
    """How the pull of one series of a manifest ended. Each word has its sentence in `SENTENCES`."""

    RETRIEVED = "retrieved"
    INCOMPLETE = "incomplete"
    KNOWN = "known"
    NOT_ALLOWED = "not-allowed"
    MALFORMED = "malformed"
    UNAUTHORISED = "unauthorised"
    UNKNOWN = "unknown"
    GONE = "gone"
    FAILED = "failed"


SENTENCES: Final[dict[Ending, str]] = {
    Ending.RETRIEVED: "every instance named has come",
    Ending.INCOMPLETE: "the source gave fewer instances than the manifest names; the next pull asks again",
    Ending.KNOWN: "an earlier pull brought it",
    Ending.NOT_ALLOWED: "no source of the allow-list has it under that address; nothing was asked",
    Ending.MALFORMED: "the source does not take the request (400)",
    Ending.UNAUTHORISED: "the source does not accept the token or certificate (401, 403); it was left alone",
    Ending.UNKNOWN: "the source knows neither this manifest nor the series (404); find the current manifest",
    Ending.GONE: "the source has it no more (410); what an earlier pull brought stays until it is withdrawn",
    Ending.FAILED: "the source could not be reached, broke off or had a fault of its own; pull again later",
}

_BY_STATUS: Final = {
    400: Ending.MALFORMED,
    401: Ending.UNAUTHORISED,
    403: Ending.UNAUTHORISED,
    404: Ending.UNKNOWN,
    406: Ending.MALFORMED,
    410: Ending.GONE,
}


def headers_for(manifest: str) -> dict[str, str]:
    """What every request for a series of a manifest bears, its token apart.

    Parameters
    ----------
    manifest : str
        Its SOPInstanceUID: the source gives what its current manifest of the study names.

    References
    ----------
    ANS, spécifications DRIMbox (RAD-107, WADO-RS between DRIMboxes); RFC 9110, 12.5.1.
    """
    boundary = secrets.token_hex(16)  # chosen by who asks, so what it cuts must not be able to guess it
    return {
        "KOS-SOPInstanceUID": manifest,
        "Accept": ", ".join(
            f'multipart/related; type="application/dicom";transfer-syntax={syntax};q={quality}'
            f";boundary={boundary}"
            for syntax, quality in TRANSFER_SYNTAXES.items()
        ),
    }


def ending_of(error: Answered | Unreachable) -> Ending:
    """What a source's refusal, or silence, means for the series asked for."""
    return _BY_STATUS.get(error.status, Ending.FAILED) if isinstance(error, Answered) else Ending.FAILED


def ends(ending: Ending) -> bool:
    """Whether the source would answer the next request alike."""
    return ending in (Ending.UNAUTHORISED, Ending.FAILED)
