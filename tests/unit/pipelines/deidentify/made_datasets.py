"""Files nobody would write by hand: any attribute, any value, nested, private, in several character sets."""

from __future__ import annotations

import struct

from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary

CANARY = "Quetzalcoatl"  # a name no vocabulary holds
CANARY_ID = "77315502"

LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_UNDEFINED = 0xFFFFFFFF
# Not what tells the shape of the image, and nothing that comes with the file.
_LEFT_ALONE = frozenset((0x0002, 0x0004, 0x0008, 0x0020, 0x0028, 0x7FE0, 0xFFFA, 0xFFFC, 0xFFFE))
_TAGS = {
    vr: sorted(tag for tag, row in DicomDictionary.items() if row[0] == vr and tag >> 16 not in _LEFT_ALONE)
    for vr in (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OF", "OW", "PN"),
        *("SH", "SL", "SQ", "SS", "ST", "TM", "UC", "UI", "UL", "UR", "US", "UT"),
    )
}
_PRIVATE = (("GEMS_PARM_01", 0x0043), ("SIEMENS MR HEADER", 0x0019), (CANARY, 0x0011))
_words = st.sampled_from(
    (
        *("AXIAL", "T1", "thorax sans injection", "1.25", " 12", "+3.5E2", "1234567890123", "é", "", "  "),
        *("042Y", "101Y", "20240229", "2024.02.29", "20240229101530.5+0100", "202402", "101530.25"),
        *("1.2.3.4.5", "1.2.840.10008.5.1.4.1.1.2", "2.25.77315502", "x\\y", "\\", "a\\\\b", "A\0B"),
        *(CANARY, CANARY.upper(), CANARY_ID, f"Dr {CANARY}", "m.dupont@example.org"),
    )
)


def element(tag: int, vr: str, value: bytes, *, explicit: bool, undefined: bool = False) -> bytes:
    """One element, its value as it is given but for a pad."""
    value += b"\0" if len(value) % 2 and vr in ("UI", "OB", "UN") else b" " * (len(value) % 2)
    length = _UNDEFINED if undefined else len(value)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", length) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack("<HI", 0, length) + value
    return head + vr.encode() + struct.pack("<H", length) + value


def _value(draw: st.DrawFn, vr: str, codec: str) -> bytes:
    if vr in (
        "FD",
        "FL",
    ):  # numbers, as a float of Python carries no signalling NaN; and a length that is wrong
        number = struct.pack("<d" if vr == "FD" else "<f", draw(st.floats(width=32, allow_nan=False)))
        return number * draw(st.integers(0, 3)) + draw(st.sampled_from((b"", b"\1\2")))
    if vr in ("AT", "OB", "OF", "OW", "SL", "SS", "UL", "UN", "US"):
        return draw(st.binary(max_size=16))
    return draw(_words).encode(codec)


@st.composite
def _elements(draw: st.DrawFn, depth: int, codec: str, explicit: bool) -> dict[int, bytes]:
    found = {}
    for vr in draw(st.lists(st.sampled_from(sorted(_TAGS)), max_size=8)):
        tag = draw(st.sampled_from(_TAGS[vr]))
        if vr != "SQ":
            found[tag] = element(tag, vr, _value(draw, vr, codec), explicit=explicit)
        elif depth:
            items = draw(st.lists(_elements(depth - 1, codec, explicit), max_size=2))
            undefined = draw(st.booleans())
            value = b"".join(_item(item, undefined=draw(st.booleans())) for item in items)
            end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if undefined else b""
            found[tag] = element(tag, vr, value + end, explicit=explicit, undefined=undefined)
    for creator, group in draw(st.lists(st.sampled_from(_PRIVATE), max_size=2, unique=True)):
        found[group << 16 | 0x10] = element(group << 16 | 0x10, "LO", creator.encode(), explicit=explicit)
        for number in draw(st.lists(st.sampled_from((0x0C, 0x0E, 0x27, 0x39)), unique=True)):
            vr = draw(st.sampled_from(("IS", "FD", "LO", "SH", "UN", "UI", "DA")))
            tag = group << 16 | 0x1000 | number
            found[tag] = element(tag, vr, _value(draw, vr, codec), explicit=explicit)
    return found


def _item(elements: dict[int, bytes], *, undefined: bool) -> bytes:
    content = b"".join(elements[tag] for tag in sorted(elements))
    if undefined:
        end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        return struct.pack("<HHI", 0xFFFE, 0xE000, _UNDEFINED) + content + end
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """The bytes of a CT of 2 × 2 pixels with more or less anything around them."""
    explicit = draw(st.booleans())
    name, codec = draw(
        st.sampled_from((("ISO_IR 192", "utf-8"), ("ISO_IR 100", "latin-1"), ("\\ISO 2022 IR 87", "latin-1")))
    )
    elements = draw(_elements(3, codec, explicit))
    for tag, vr, text in (
        (0x00080005, "CS", name),
        (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
        (0x00080018, "UI", "1.2.3.4.1"),
        (0x00080020, "DA", "20240301"),
        (0x00080060, "CS", "CT"),
        (0x00100010, "PN", f"{CANARY}^Zoé"),
        (0x00100020, "LO", CANARY_ID),
        (0x0020000D, "UI", "1.2.3.4.2"),
        (0x0020000E, "UI", "1.2.3.4.3"),
        (0x00280004, "CS", "MONOCHROME2"),
    ):
        elements[tag] = element(tag, vr, text.encode(codec), explicit=explicit)
    for tag, number in (
        (0x0002, 1),
        (0x0010, 2),
        (0x0011, 2),
        (0x0100, 16),
        (0x0101, 12),
        (0x0102, 11),
        (0x0103, 0),
    ):
        elements[0x00280000 | tag] = element(
            0x00280000 | tag, "US", struct.pack("<H", number), explicit=explicit
        )
    pixels = draw(st.binary(min_size=8, max_size=10))
    elements[0x7FE00010] = element(0x7FE00010, "OW", pixels, explicit=explicit)
    if draw(st.booleans()):
        elements[0xFFFCFFFC] = element(0xFFFCFFFC, "OB", CANARY.encode(), explicit=explicit)
    syntax = b"1.2.840.10008.1.2.1" if explicit else b"1.2.840.10008.1.2"
    meta = element(0x00020003, "UI", b"1.2.3.4.1", explicit=True) + element(
        0x00020010, "UI", syntax, explicit=True
    )
    meta += element(0x00020016, "AE", CANARY.encode(), explicit=True)
    length = element(0x00020000, "UL", struct.pack("<I", len(meta)), explicit=True)
    dataset = b"".join(elements[tag] for tag in sorted(elements))
    return CANARY.encode().ljust(128, b"\0") + b"DICM" + length + meta + dataset
