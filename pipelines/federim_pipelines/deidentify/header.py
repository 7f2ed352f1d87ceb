"""Read the attributes of a DICOM header straight from its bytes, without making an object of each."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from federim_pipelines.deidentify.dictionaries import tag_of, vr_of

UNDEFINED: Final = 0xFFFFFFFF
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
CHARACTER_SET: Final = 0x00080005
DEEPEST: Final = 24  # sequences in sequences; the deepest real ones, in structured reports, are half of it

SHORT: Final = frozenset(
    {
        *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"),
        *(b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
    }
)
LONG: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
NUMBERS: Final = {
    "US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q", "AT": "I",
}  # fmt: skip
SIZES: Final = {vr: struct.calcsize(code) for vr, code in NUMBERS.items()} | {
    "OD": 8,
    "OF": 4,
    "OL": 4,
    "OV": 8,
}  # bytes
BYTES: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
ONE_TEXT: Final = frozenset({"LT", "ST", "UR", "UT"})  # a backslash is a letter like any other
IN_CHARACTER_SET: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})

# Character sets whose text is one codec's from end to end. The codecs are those pydicom chooses.
_CODECS: Final = {
    "": "iso8859",
    "6": "iso8859",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso_ir_126",
    "127": "iso_ir_127",
    "138": "iso_ir_138",
    "144": "iso_ir_144",
    "148": "iso8859_9",
    "166": "iso_ir_166",
    "192": "utf-8",
}

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_explicit = struct.Struct("<HH2sH").unpack_from
_implicit = struct.Struct("<HHI").unpack_from
_long = struct.Struct("<I").unpack_from


class Unknown(Exception):
    """The bytes hold something that is read another way: by pydicom."""


class Cut(Unknown):
    """The bytes end before an element does."""


class Attributes(Protocol):
    """What a judgement may ask of a header: a pydicom Dataset, or a `Header`."""

    def get(self, keyword: Any, default: Any = None, /) -> Any:
        """The value of an attribute: one, a list of several, a list of Attributes for a sequence."""

    def __contains__(self, name: Any, /) -> bool:
        """Whether it is there, by keyword or by tag."""


def split(
    buffer: bytes, start: int, end: int, *, explicit: bool, to_pixels: bool = False, depth: int = 0
) -> tuple[dict[int, bytes], int]:
    """The elements of a little endian dataset, tag → its bytes with tag, VR and length; and where they end.

    With `to_pixels` reading stops at the first element of pixel data.

    Raises
    ------
    Cut
        An element is longer than what is left of `buffer[start:end]`.
    Unknown
        Tags that do not ascend, an unknown VR, an undefined length that is not a sequence's, sequences
        nested deeper than any real one.

    References
    ----------
    DICOM PS3.5, 7.1.
    """
    elements: dict[int, bytes] = {}
    at, last = start, -1
    while at < end:
        if at + 8 > end:
            raise Cut
        if explicit:
            group, number, vr, length = _explicit(buffer, at)
            value = at + 8
            if vr not in SHORT:
                if vr not in LONG:
                    raise Unknown
                if at + 12 > end:
                    raise Cut
                (length,) = _long(buffer, at + 8)
                value = at + 12
        else:
            group, number, length = _implicit(buffer, at)
            value = at + 8
        tag = group << 16 | number
        if tag <= last:
            raise Unknown
        last = tag
        if to_pixels and tag in PIXELS:
            return elements, at
        if length == UNDEFINED:
            if explicit and vr != b"SQ":
                raise Unknown
            stop = _end_of_sequence(buffer, value, end, explicit=explicit, depth=depth + 1)
        else:
            stop = value + length
            if stop > end:
                raise Cut
        elements[tag] = buffer[at:stop]
        at = stop
    return elements, at


def element_end(buffer: bytes, at: int, *, explicit: bool) -> tuple[int, int]:
    """Tag of the element at a place, and where it ends; raises as `split` does."""
    if at + 8 > len(buffer):
        raise Cut
    if explicit:
        group, number, vr, length = _explicit(buffer, at)
        value = at + 8
        if vr not in SHORT:
            if vr not in LONG or at + 12 > len(buffer):
                raise Unknown
            (length,) = _long(buffer, at + 8)
            value = at + 12
    else:
        group, number, length = _implicit(buffer, at)
        value = at + 8
    if length == UNDEFINED:
        if explicit and vr != b"SQ":
            raise Unknown
        return group << 16 | number, _end_of_sequence(buffer, value, len(buffer), explicit=explicit, depth=1)
    if value + length > len(buffer):
        raise Cut
    return group << 16 | number, value + length


def items(buffer: bytes, start: int, end: int, *, explicit: bool, depth: int) -> Iterator[tuple[int, int]]:
    """Where the items of a sequence's value begin and end, without their own tags and delimiters.

    Raises
    ------
    Unknown
        As `split` does.

    References
    ----------
    DICOM PS3.5, 7.5.
    """
    at = start
    while at < end:
        tag, length = _item(buffer, at, end)
        at += 8
        if tag == _SEQUENCE_END:
            if at != end:
                raise Unknown
            return
        if tag != _ITEM:
            raise Unknown
        if length == UNDEFINED:
            stop = _end_of_item(buffer, at, end, explicit=explicit, depth=depth)
            yield at, stop - 8
        else:
            stop = at + length
            if stop > end:
                raise Cut
            yield at, stop
        at = stop


def read_element(tag: int, raw: bytes, *, explicit: bool) -> tuple[str, int]:
    """VR of an element, and where its value begins in its bytes; `UN` where no dictionary tells."""
    if not explicit:
        return vr_of(tag) or "UN", 8
    vr = raw[4:6]
    return vr.decode(), 8 if vr in SHORT else 12


def codec_of(elements: Mapping[int, bytes]) -> str:
    """The Python codec of a dataset's text.

    Raises
    ------
    Unknown
        Several character sets, or one that needs more than a codec.

    References
    ----------
    DICOM PS3.3, C.12.1.1.2.
    """
    raw = elements.get(CHARACTER_SET)
    if raw is None:
        return _CODECS[""]
    name = raw[8:].strip(b" \0").decode("latin-1")
    codec = _CODECS.get(name.removeprefix("ISO_IR ").removeprefix("ISO 2022 IR "))
    if codec is None:
        raise Unknown
    return codec


def texts(value: bytes, vr: str, codec: str) -> list[str]:
    """The parts of a textual value, without what pads them.

    Raises
    ------
    Unknown
        An escape sequence changes the character set in its midst.
    """
    if vr in IN_CHARACTER_SET:
        if b"\x1b" in value:
            raise Unknown
        text = value.decode(codec, "replace")
    else:
        text = value.decode("latin-1")
    if vr in ONE_TEXT:
        return [text.strip(" \0")]
    return [part.strip(" \0") for part in text.split("\\")]


class Header:
    """Attributes read from a dataset's bytes when they are asked for.

    `asked` gathers the tags asked for, so that an answer can be remembered for headers that agree on them.
    """

    __slots__ = ("asked", "codec", "elements", "explicit")

    def __init__(
        self, elements: Mapping[int, bytes], *, explicit: bool, codec: str, asked: set[int] | None = None
    ) -> None:
        self.elements = elements
        self.explicit = explicit
        self.codec = codec
        self.asked = asked

    def __contains__(self, name: Any, /) -> bool:
        return self._element(name)[1] is not None

    def get(self, keyword: Any, default: Any = None, /) -> Any:
        """The value as Python's: text, number, bytes, list of Headers; a list of values if it is multiple."""
        tag, raw = self._element(keyword)
        if raw is None or tag is None:
            return default
        vr, start = read_element(tag, raw, explicit=self.explicit)
        if vr == "SQ":
            return [
                Header(
                    split(raw, first, last, explicit=self.explicit, depth=1)[0],
                    explicit=self.explicit,
                    codec=self.codec,
                )
                for first, last in items(raw, start, len(raw), explicit=self.explicit, depth=1)
            ]
        value = raw[start:]
        if vr in BYTES:
            return value
        code = NUMBERS.get(vr[:2])
        parts: list[Any]
        if code is None:
            parts = texts(value, vr, self.codec)
        else:
            count = len(value) // struct.calcsize(code)
            parts = list(struct.unpack_from(f"<{count}{code}", value))
        return parts[0] if len(parts) == 1 else parts

    def _element(self, name: Any) -> tuple[int | None, bytes | None]:
        tag = tag_of(name) if isinstance(name, str) else int(name)
        if tag is None:
            return None, None
        if self.asked is not None:
            self.asked.add(tag)
        return tag, self.elements.get(tag)


def _item(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    if at + 8 > end:
        raise Cut
    group, number, length = _implicit(buffer, at)
    return group << 16 | number, length


def _end_of_sequence(buffer: bytes, at: int, end: int, *, explicit: bool, depth: int) -> int:
    """After the delimiter of a sequence of undefined length."""
    while True:
        tag, length = _item(buffer, at, end)
        at += 8
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise Unknown
        if length == UNDEFINED:
            at = _end_of_item(buffer, at, end, explicit=explicit, depth=depth)
        else:
            at += length


def _end_of_item(buffer: bytes, at: int, end: int, *, explicit: bool, depth: int) -> int:
    """After the delimiter of an item of undefined length."""
    if depth > DEEPEST:
        raise Unknown
    while True:
        tag, length = _item(buffer, at, end)
        if tag == _ITEM_END:
            return at + 8
        if explicit:
            vr = buffer[at + 4 : at + 6]
            if vr in SHORT:
                at += 8 + (length >> 16)
                continue
            if vr not in LONG or at + 12 > end:
                raise Unknown
            (length,) = _long(buffer, at + 8)
            at += 4
            if length == UNDEFINED and vr != b"SQ":
                raise Unknown
        at += 8
        if length == UNDEFINED:
            at = _end_of_sequence(buffer, at, end, explicit=explicit, depth=depth + 1)
        else:
            at += length
