"""Write the bytes of a DICOM file: what goes before the dataset, and single elements."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from federim_pipelines.deidentify.header import LONG, NUMBERS, Unknown

IMPLEMENTATION_CLASS: Final = "2.25.325803270425417137838519407823190735905"
IMPLEMENTATION_VERSION: Final = (
    "FEDERIM"  # no number: a new release must not change the bytes of an old object
)

EXPLICIT: Final = "1.2.840.10008.1.2.1"
IMPLICIT: Final = "1.2.840.10008.1.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

SEQUENCE_END: Final = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_ITEM: Final = struct.Struct("<HHI")
_SHORT: Final = struct.Struct("<HH2sH")
_LONG: Final = struct.Struct("<HH2sHI")
_LONGEST_SHORT: Final = 0xFFFF


def encode(tag: int, vr: str, value: bytes, *, explicit: bool) -> bytes:
    """One element, its value padded to an even length.

    Raises
    ------
    Unknown
        The value is longer than its VR allows in Explicit VR.

    References
    ----------
    DICOM PS3.5, 7.1.
    """
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return _head(tag, vr, len(value), explicit=explicit) + value


def encode_texts(tag: int, vr: str, parts: Iterable[str], *, explicit: bool) -> bytes:
    """One element of text, in UTF-8."""
    return encode(tag, vr, "\\".join(parts).encode(), explicit=explicit)


def encode_number(tag: int, vr: str, number: int, *, explicit: bool) -> bytes:
    """One element of one number."""
    return encode(tag, vr, struct.pack(f"<{NUMBERS[vr]}", number), explicit=explicit)


def encode_sequence(tag: int, items: Iterable[bytes], *, explicit: bool) -> bytes:
    """One sequence; an item is the bytes of its elements."""
    value = b"".join(_ITEM.pack(0xFFFE, 0xE000, len(item)) + item for item in items)
    return encode(tag, "SQ", value, explicit=explicit)


def head_of_pixels(tag: int, vr: str, length: int, *, explicit: bool) -> bytes:
    """Tag, VR and length of pixel data, whose value is copied from elsewhere."""
    return _head(tag, vr, length, explicit=explicit)


def preamble_and_meta(*, sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """The start of a file, which owes its source the transfer syntax alone.

    References
    ----------
    DICOM PS3.10, 7.1.
    """
    before, after = _constant_meta(sop_class, transfer_syntax)
    instance = encode_texts(0x00020003, "UI", [sop_instance], explicit=True)
    length = len(before) + len(instance) + len(after)
    return b"".join(
        (
            bytes(128),
            b"DICM",
            encode_number(0x00020000, "UL", length, explicit=True),
            *(before, instance, after),
        )
    )


@lru_cache(maxsize=64)
def _constant_meta(sop_class: str, transfer_syntax: str) -> tuple[bytes, bytes]:
    """The meta information of a kind of object, before and after its instance's UID."""
    before = encode(0x00020001, "OB", b"\0\1", explicit=True) + encode_texts(
        0x00020002, "UI", [sop_class], explicit=True
    )
    after = (
        encode_texts(0x00020010, "UI", [transfer_syntax], explicit=True)
        + encode_texts(0x00020012, "UI", [IMPLEMENTATION_CLASS], explicit=True)
        + encode_texts(0x00020013, "SH", [IMPLEMENTATION_VERSION], explicit=True)
    )
    return before, after


def _head(tag: int, vr: str, length: int, *, explicit: bool) -> bytes:
    group, number = tag >> 16, tag & 0xFFFF
    if not explicit:
        return _ITEM.pack(group, number, length)
    code = vr.encode()
    if code in LONG:
        return _LONG.pack(group, number, code, 0, length)
    if length > _LONGEST_SHORT:
        raise Unknown
    return _SHORT.pack(group, number, code, length)
