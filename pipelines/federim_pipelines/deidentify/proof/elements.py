"""Walk the elements of a header that was written, to say which one holds what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from federim_pipelines.deidentify.dictionaries import vr_of

_Order = Literal["little", "big"]

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_DEEPEST = 64
_PREAMBLE = 128
_META_LENGTH = b"\x02\0\0\0UL\x04\0"
_META = 1024  # bytes that hold the file meta information of any file
_UNREADABLE = "UN"


@dataclass(frozen=True, slots=True)
class Element:
    """A value and where it is. Bytes that no element explains are one of tag 0."""

    tag: int
    vr: str
    value: bytes


def elements(header: bytes) -> Iterator[Element]:
    """The elements of a file up to its pixels, those inside sequences after the one they are in.

    Nothing is passed over: what cannot be walked comes as one value.
    """
    start, order = _beginning(header)
    if start:
        yield Element(0, _UNREADABLE, header[:_PREAMBLE])
        yield from _Walk(header, "little").dataset(_PREAMBLE + 4, start, 0)
    yield from _Walk(header, order).dataset(start, len(header), 0)


def pixel_values(content: bytes) -> Iterator[tuple[int, int]]:
    """Where the values of a file's pixel data begin and end."""
    start, order = _beginning(content)
    yield from _Walk(content, order).pixels(start, len(content))


def _beginning(content: bytes) -> tuple[int, _Order]:
    """Where the dataset begins behind the file meta information, which is in little endian, and its order."""
    if content[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        return 0, "little"
    start = _PREAMBLE + 4
    if content[start : start + 8] == _META_LENGTH:
        start = min(start + 12 + int.from_bytes(content[start + 8 : start + 12], "little"), len(content))
    return start, "big" if b"1.2.840.10008.1.2.2\0" in content[:_META] else "little"


class _Walk:
    def __init__(self, content: bytes, order: _Order) -> None:
        self._content = content
        self._order = order

    def dataset(self, at: int, end: int, depth: int) -> Iterator[Element]:
        """The elements from `at`; what follows the first that makes no sense is one value."""
        content = self._content
        while at < end:
            read = self._element(at, end)
            if read is None or depth > _DEEPEST:
                yield Element(0, _UNREADABLE, content[at:end])
                return
            tag, vr, start, length = read
            if tag in _PIXELS:  # their value was left out: what follows is the next element
                at = start
                continue
            at = min(start + length, end) if length != _UNDEFINED else self._end(start, end, depth)
            if vr == "SQ" or length == _UNDEFINED:
                yield from self._items(start, at, depth)
            elif tag not in (_ITEM_END, _SEQUENCE_END):
                # Of an element cut short, nothing says what its bytes are.
                yield Element(tag, vr if start + length <= end else _UNREADABLE, content[start:at])

    def pixels(self, at: int, end: int) -> Iterator[tuple[int, int]]:
        """Start and end of the pixel data of a dataset; none after the first element that makes no sense."""
        while (read := self._element(at, end)) is not None:
            tag, _, start, length = read
            at = min(start + length, end) if length != _UNDEFINED else self._end(start, end, 0)
            if tag in _PIXELS:
                yield start, at

    def _items(self, at: int, end: int, depth: int) -> Iterator[Element]:
        order, content = self._order, self._content
        while at + 8 <= end:
            tag = self._tag(at)
            length = int.from_bytes(content[at + 4 : at + 8], order)
            at += 8
            if tag == _ITEM:
                stop = min(at + length, end) if length != _UNDEFINED else self._item_end(at, end, depth)
                yield from self.dataset(at, stop, depth + 1)
                at = stop
            elif tag not in (_ITEM_END, _SEQUENCE_END):
                yield Element(0, _UNREADABLE, content[at - 8 : end])
                return

    def _element(self, at: int, end: int) -> tuple[int, str, int, int] | None:
        """(tag, VR, where the value starts, its length) of the element at `at`."""
        content = self._content
        if at + 8 > end:
            return None
        tag = self._tag(at)
        letters = content[at + 4 : at + 6]
        if letters in _SHORT_VRS:
            return tag, letters.decode(), at + 8, int.from_bytes(content[at + 6 : at + 8], self._order)
        if letters in _LONG_VRS and content[at + 6 : at + 8] == b"\0\0":
            return tag, letters.decode(), at + 12, int.from_bytes(content[at + 8 : at + 12], self._order)
        length = int.from_bytes(content[at + 4 : at + 8], self._order)
        if length != _UNDEFINED and at + 8 + length > end and tag not in _PIXELS:
            return None
        return tag, (vr_of(tag) or _UNREADABLE)[:2], at + 8, length

    def _end(self, at: int, end: int, depth: int) -> int:
        """Where a sequence of undefined length that starts at `at` ends, its delimiter included."""
        while at + 8 <= end:
            tag, length = self._tag(at), int.from_bytes(self._content[at + 4 : at + 8], self._order)
            at += 8
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                return end
            at = at + length if length != _UNDEFINED else self._item_end(at, end, depth + 1)
        return end

    def _item_end(self, at: int, end: int, depth: int) -> int:
        """Where an item of undefined length that starts at `at` ends, its delimiter included."""
        while at < end and depth <= _DEEPEST:
            read = self._element(at, end)
            if read is None:
                return end
            tag, _, start, length = read
            if tag == _ITEM_END:
                return start
            at = start + length if length != _UNDEFINED else self._end(start, end, depth + 1)
        return end

    def _tag(self, at: int) -> int:
        content, order = self._content, self._order
        return int.from_bytes(content[at : at + 2], order) << 16 | int.from_bytes(
            content[at + 2 : at + 4], order
        )
