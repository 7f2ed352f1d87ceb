"""Take the header out of a file: all its bytes but the pixels'."""

from __future__ import annotations

import zlib

from federim_pipelines.deidentify.proof.elements import pixel_values

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META = 1024
_LARGEST = 1 << 30  # inflated, in bytes


def header_of(content: bytes) -> bytes:
    """The bytes of a file before and after the values of its pixel data, inflated if it was deflated."""
    if _DEFLATED in content[:_META]:
        content = _inflated(content)
    kept, at = [], 0
    for start, end in pixel_values(content):
        kept.append(content[at:start])
        at = end
    return b"".join([*kept, content[at:]])


def _inflated(content: bytes) -> bytes:
    """A deflated file with its dataset inflated; the file as it is where that cannot be done.

    References
    ----------
    DICOM PS3.5, A.5: group 0002 is not deflated, and its first element says how long it is.
    """
    start = 144 + int.from_bytes(content[140:144], "little")
    try:
        dataset = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:], _LARGEST)
    except zlib.error:
        return content
    return content[:start].replace(_DEFLATED, b"1.2.840.10008.1.2.1\0\0\0") + dataset
