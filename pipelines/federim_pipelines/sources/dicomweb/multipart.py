"""Cut a multipart answer into its parts while it arrives."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from federim_pipelines.sources.web.server import Broken, Unexpected

DICOM: Final = "application/dicom"
_RELATED: Final = "multipart/related"

# Its warnings quote bytes of the answer.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


class _Mark(Enum):
    BEGIN = auto()
    END = auto()
    LAST = auto()


def parts(content_type: str, blocks: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """The parts of an answer, each as the blocks it comes in; nothing is kept of one that was read.

    Each part is to be read before the next is asked for; what is left of it is passed over. An answer
    that is one DICOM object instead of a multipart is a single part.

    Raises
    ------
    Unexpected
        The type is another.
    Broken
        A boundary is wrong, or the answer ends before its last boundary.

    References
    ----------
    RFC 2387; RFC 2046, 5.1.1; DICOM PS3.18, 8.6.1.
    """
    kind, options = parse_options_header(content_type)
    media = kind.decode("latin-1").lower()
    if media == DICOM:
        yield iter(blocks)
        return
    boundary = options.get(b"boundary")
    if media != _RELATED or not boundary:
        raise Unexpected
    events = _events(boundary, blocks)
    for event in events:
        if event is _Mark.BEGIN:
            yield _body(events)


def _body(events: Iterator[_Mark | bytes]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, bytes):
            yield event
        else:
            return


def _events(boundary: bytes, blocks: Iterable[bytes]) -> Iterator[_Mark | bytes]:
    """What the parser says of each block, before the next is taken."""
    told: deque[_Mark | bytes] = deque()
    last = False
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: told.append(_Mark.BEGIN),
                "on_part_data": lambda data, start, end: told.append(data[start:end]),
                "on_part_end": lambda: told.append(_Mark.END),
                "on_end": lambda: told.append(_Mark.LAST),
            },
        )
        for block in blocks:
            parser.write(block)
            while told:
                event = told.popleft()
                last = last or event is _Mark.LAST
                yield event
    except FormParserError:
        raise Broken from None
    if not last:
        raise Broken
