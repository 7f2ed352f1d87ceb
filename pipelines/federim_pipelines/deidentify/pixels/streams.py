"""Leave of pixel data what a decoder reads: no comment in a compressed image, no byte after any image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from mmap import mmap
from typing import TYPE_CHECKING, Final

from federim_pipelines.deidentify.header import Attributes, Unknown
from federim_pipelines.deidentify.part10 import BIG_ENDIAN, SEQUENCE_END

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

Buffer = bytes | mmap
Span = tuple[int, int]

_ITEM: Final = b"\xfe\xff\x00\xe0"

_JPEG_MARKER: Final = re.compile(rb"\xff+([\x80-\xcf\xd8-\xfe])")  # no restart, no stuffed bits
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APPLICATION: Final = range(0xE0, 0xF0)
# The application segments a decoder needs to tell colours: how each begins, and as much as it reads.
_READ: Final = {0xE0: (b"JFIF\0", 14), 0xE8: (b"mrfx", 5), 0xEE: (b"Adobe", 12)}

_J2K_SOC, _J2K_SIZ, _J2K_SOT, _J2K_SOD, _J2K_EOC, _J2K_COM = (
    bytes((0xFF, code)) for code in (0x4F, 0x51, 0x90, 0x93, 0xD9, 0x64)
)


def expected_length(attributes: Attributes) -> int | None:
    """Bytes of native pixel data by its rows, columns, samples, bits and frames; None if one is not told.

    References
    ----------
    DICOM PS3.3, C.7.6.3; PS3.5, 8.1.1 and 8.2.
    """
    try:
        rows, columns, samples, bits = (
            int(attributes.get(keyword))
            for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
        )
        frames = int(attributes.get("NumberOfFrames") or 1)
    except (TypeError, ValueError):
        return None
    if min(rows, columns, samples, bits, frames) < 1:
        return None
    length = rows * columns * samples * frames
    length = -(-length * bits // 8)
    if str(attributes.get("PhotometricInterpretation")) == "YBR_FULL_422":
        length = length // 3 * 2  # two pixels share their colour
    return length


def end_of_fragments(buffer: Buffer, start: int) -> int:
    """Where the fragments of encapsulated pixel data end, before their delimiter.

    Raises
    ------
    Unknown
        No delimiter follows the last of them.
    """
    end = start
    for _, end in _fragments(buffer, start):  # noqa: B007 — the last one's end
        pass
    if buffer[end : end + 8] != SEQUENCE_END:
        raise Unknown
    return end


def without_words(dataset: Dataset) -> DataElement | None:
    """The pixel data of a pydicom dataset that has its file meta, nothing in it but the image.

    None if it has none. Compressed data keep their length, so that offsets still hold; native data are as
    long as rows, columns and frames ask for.
    """
    if "PixelData" not in dataset:
        return None
    element = dataset["PixelData"]
    before = element.value or b""
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        after = blanked(before)
    else:
        length = expected_length(dataset)
        after = before
        if length is not None and len(before) > length:
            # In big endian words the last sample stands behind its pad.
            is_big = dataset.file_meta.TransferSyntaxUID == BIG_ENDIAN
            after = before[: length + length % 2] if is_big else before[:length] + b"\0" * (length % 2)
    if after == before:
        return element
    cleaned = copy(element)
    cleaned.value = after
    return cleaned


def blanked(encapsulated: bytes) -> bytes:
    """Encapsulated pixel data whose streams have no room for words left; the same object if they had none.

    JPEG, JPEG-LS and JPEG 2000 are looked into; RLE has no room for words.

    References
    ----------
    ISO/IEC 10918-1, B.1 and B.2 (JPEG); ISO/IEC 14495-1, C.1 (JPEG-LS); ISO/IEC 15444-1, Annex A (JPEG 2000);
    DICOM PS3.5, A.4.
    """
    fragments = list(_fragments(encapsulated))[1:]  # the first item is the Basic Offset Table
    stream = b"".join(encapsulated[start:end] for start, end in fragments)
    words = [(start, end) for start, end in _words(stream) if stream[start:end].strip(b"\0\xff")]
    if not words:
        return encapsulated
    blank = bytearray(stream)
    for start, end in words:
        blank[start:end] = bytes(len(stream[start:end]))
    changed, at = bytearray(encapsulated), 0
    for start, end in fragments:
        changed[start:end] = blank[at : at + end - start]
        at += end - start
    return bytes(changed)


def _fragments(encapsulated: Buffer, at: int = 0) -> Iterator[Span]:
    while encapsulated[at : at + 4] == _ITEM:
        start = at + 8
        at = min(start + int.from_bytes(encapsulated[at + 4 : start], "little"), len(encapsulated))
        yield start, at


def _words(stream: bytes) -> Iterator[Span]:
    """Where the frames of a stream have room for words, by what its first bytes say it is."""
    if stream.startswith(b"\xff\xd8\xff"):
        yield from _words_of_jpeg(stream)
    elif stream.startswith(_J2K_SOC + _J2K_SIZ):
        yield from _words_of_jpeg_2000(stream)


def _words_of_jpeg(stream: bytes) -> Iterator[Span]:
    at, in_scan = 0, False
    while marker := _JPEG_MARKER.search(stream, at):
        if not in_scan:
            yield at, marker.start()  # after the end of a frame; nowhere else is anything between segments
        code, at = marker[1][0], marker.end()
        in_scan = code == _SOS
        if code in (_SOI, _EOI):
            continue
        start, end = at + 2, at + int.from_bytes(stream[at : at + 2], "big")
        if code == _COM or code in _APPLICATION:
            signature, read = _READ.get(code, (b"", 0))
            yield (start + read if stream.startswith(signature, start) else start), end
        at = end
    if not in_scan:
        yield at, len(stream)


def _words_of_jpeg_2000(stream: bytes) -> Iterator[Span]:
    at, tile_part_end = 0, 0
    while len(marker := stream[at : at + 2]) == 2 and marker[0] == 0xFF:
        if marker == _J2K_SOC:
            at += 2
        elif marker == _J2K_EOC:
            following = stream.find(_J2K_SOC + _J2K_SIZ, at)
            end = len(stream) if following < 0 else following
            yield at + 2, end
            at = end
        elif marker == _J2K_SOD:
            if tile_part_end <= at:
                return
            at = tile_part_end
        else:
            start, end = at + 4, at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
            if marker == _J2K_SOT:
                length = int.from_bytes(stream[at + 6 : at + 10], "big")
                tile_part_end = at + length if length else stream.find(_J2K_EOC, at)
            elif marker == _J2K_COM:
                yield start + 2, end  # after the word that says whether it is text
            at = end
