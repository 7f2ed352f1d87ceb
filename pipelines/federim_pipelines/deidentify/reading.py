"""Find the elements of a DICOM file, and where its pixel data are, without reading the pixels."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final, Self

from federim_pipelines.deidentify.header import (
    PIXELS,
    UNDEFINED,
    Cut,
    Header,
    Unknown,
    codec_of,
    read_element,
    split,
)
from federim_pipelines.deidentify.part10 import EXPLICIT, IMPLICIT
from federim_pipelines.deidentify.pixels.streams import Buffer, end_of_fragments
from federim_pipelines.deidentify.template import Template

_PREAMBLE: Final = 132
_TRANSFER_SYNTAX: Final = 0x00020010
_META_LENGTH: Final = 0x00020000
# Most headers are shorter; reading more of every file would cost more than reading a few of them twice.
_FIRST_READ: Final = 1 << 14
_LARGEST_TAIL: Final = 1 << 20
_PIXEL_TAGS: Final = frozenset(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in PIXELS)
# Encodings of which only native pixel data are unlike Explicit VR Little Endian's.
_COMPRESSED: Final = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")


class Source:
    """The bytes of a file: of one that is open, or in memory."""

    def __init__(self, *, descriptor: int = -1, content: bytes = b"") -> None:
        self.descriptor = descriptor
        self._content = content
        self._map: mmap | None = None
        self.size = len(content) if descriptor < 0 else os.fstat(descriptor).st_size

    @classmethod
    def of(cls, path: str | Path) -> Self:
        """A file on disk, to be closed."""
        return cls(descriptor=os.open(path, os.O_RDONLY))

    def read(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`."""
        if self.descriptor < 0:
            return self._content[start : start + length]
        content = os.pread(self.descriptor, length, start)
        if len(content) < length and start + len(content) < self.size:  # the kernel reads 2 GiB at most
            content += self.read(start + len(content), length - len(content))
        return content

    def buffer(self) -> Buffer:
        """All bytes, read as they are touched."""
        if self.descriptor < 0:
            return self._content
        if self._map is None:
            self._map = mmap(self.descriptor, 0, access=ACCESS_READ)
        return self._map

    def close(self) -> None:
        """Let the file go."""
        if self._map is not None:
            with suppress(BufferError):  # an exception on its way up still looks at it
                self._map.close()
            self._map = None
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@dataclass(frozen=True, slots=True)
class Pixels:
    """An element of pixel data and the place of its value: `start` and `length` in bytes of the file."""

    tag: int
    vr: str
    start: int
    length: int
    encapsulated: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """A file taken apart. `head` are its bytes before the pixels' value, `tail` those after it.

    `varying` are the elements that a template left open, where the header fits one; `following` are those
    after the pixels.
    """

    header: Header
    varying: Mapping[int, bytes] | None
    following: Mapping[int, bytes]
    transfer_syntax: str
    pixels: Pixels | None
    head: bytes
    tail: bytes


def take_apart(source: Source, template: Template | None = None) -> Parts:
    """The elements of a little endian Part 10 file, found faster where its header fits a template.

    Raises
    ------
    Unknown
        Anything about the file asks for a reader that knows more.

    References
    ----------
    DICOM PS3.10, 7; PS3.5, 7 and A.4.
    """
    size, wanted = source.size, _FIRST_READ
    while True:
        head = source.read(0, wanted)
        try:
            return _take_apart(source, head, template)
        except Cut:
            if len(head) >= size:
                raise
            wanted *= 8


def _take_apart(source: Source, head: bytes, template: Template | None) -> Parts:
    if head[128:132] != b"DICM":
        raise Unknown
    start, transfer_syntax = read_meta(head)
    compressed = transfer_syntax.startswith(_COMPRESSED)
    if not compressed and transfer_syntax not in (EXPLICIT, IMPLICIT):
        raise Unknown
    explicit = transfer_syntax != IMPLICIT
    fitting = _fitting(template, head, start, explicit=explicit)
    if template is not None and fitting is not None:
        varying, at = fitting
        elements = {**template.constant, **varying}
    else:
        varying = None
        elements, at = split(head, start, len(head), explicit=explicit, to_pixels=True)
    pixels, tail = None, b""
    following: dict[int, bytes] = {}
    if at < len(head):
        pixels, at = _pixels(source, head, at, explicit=explicit)
        if pixels.encapsulated != compressed or source.size - at > _LARGEST_TAIL:
            raise Unknown
        if at < source.size:
            tail = source.read(at, source.size - at)
            following, _ = split(tail, 0, len(tail), explicit=explicit)
            if any(tag < pixels.tag for tag in following):
                raise Unknown
        head = head[: pixels.start]
    elif len(head) < source.size:
        raise Cut
    header = Header(elements, explicit=explicit, codec=codec_of(elements))
    return Parts(header, varying, following, transfer_syntax, pixels, head, tail)


def _fitting(
    template: Template | None, head: bytes, start: int, *, explicit: bool
) -> tuple[dict[int, bytes], int] | None:
    """What a template leaves open of a header, and where the header ends; None if it does not fit."""
    if template is None or template.explicit != explicit:
        return None
    found = template.read(head, start)
    if found is None:
        return None
    tag = head[found[1] : found[1] + 4]
    return found if not tag or tag in _PIXEL_TAGS else None


def read_meta(head: bytes) -> tuple[int, str]:
    """Where the dataset of a Part 10 file begins, and its transfer syntax; `Unknown` if it is not one."""
    if head[_PREAMBLE : _PREAMBLE + 8] != b"\x02\x00\x00\x00UL\x04\x00":
        raise Unknown
    start = _PREAMBLE + 12 + int.from_bytes(head[_PREAMBLE + 8 : _PREAMBLE + 12], "little")
    if start > len(head):
        raise Cut
    if head[start : start + 2] == b"\x02\x00":
        raise Unknown
    meta, _ = split(head, _PREAMBLE, start, explicit=True)
    raw = meta.get(_TRANSFER_SYNTAX)
    if raw is None or next(reversed(meta)) >> 16 != _META_LENGTH >> 16:
        raise Unknown
    return start, raw[8:].decode("latin-1").strip(" \0")


def _pixels(source: Source, head: bytes, at: int, *, explicit: bool) -> tuple[Pixels, int]:
    """The pixel data at a place of the head, and where what follows them begins."""
    element = head[at : at + 12]
    if len(element) < 12:
        raise Cut
    tag = int.from_bytes(element[0:2], "little") << 16 | int.from_bytes(element[2:4], "little")
    vr, value = read_element(tag, element, explicit=explicit)
    length = int.from_bytes(element[value - 4 : value], "little")
    start = at + value
    if length == UNDEFINED:
        if vr != "OB":
            raise Unknown
        end = end_of_fragments(source.buffer(), start)
        return Pixels(tag, vr, start, end - start, encapsulated=True), end + 8
    if explicit and vr not in ("OB", "OW", "OF", "OD"):
        raise Unknown
    if start + length > source.size or length % 2:
        raise Unknown
    return Pixels(tag, vr, start, length, encapsulated=False), start + length
