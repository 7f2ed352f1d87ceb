"""Find the messages of a file, whatever ends their lines, and take each apart into segments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason
from federim_pipelines.sources.content import BLOCK
from federim_pipelines.sources.hl7v2.segments import Delimiters, Segment

LONGEST_MESSAGE: Final = 64 << 20  # with its documents; one that never ends must not fill the memory

# MLLP's own bytes, which a dump of a connection keeps, end a line as well.
_START = re.compile(rb"(?:\A|(?<=[\r\n\x0b\x1c]))(?:\xef\xbb\xbf)?[ \t]*(?=(?:MSH|FHS|BHS|BTS|FTS)[^\w\s])")
_LINE = re.compile(r"\r\n|[\r\n]")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}(?=\W|$)")
_ENVELOPES = (b"FHS", b"BHS", b"BTS", b"FTS")
# Some write a whole message in one line, a blank where segments end.
_IN_ONE_LINE = re.compile(
    r" +(?=(?:EVN|PID|PD1|NK1|PV1|PV2|MRG|AL1|DG1|ORC|OBR|OBX|NTE|SPM|TXA|PRT|ROL|ZDS|ZBE|ZFA|ZFD)\|)"
)

# HL7 v2 table 0211. A name that is not among them is read as UTF-8 is, as far as it can be.
_CHARSETS: Final = {f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)}


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes of a file from one header or trailer to the next."""

    content: bytes
    line: int  # of the file, where it begins, from 1; CR, LF and CRLF each end one

    @property
    def is_message(self) -> bool:
        return self._head.startswith(b"MSH")

    @property
    def is_envelope(self) -> bool:
        """Whether it is the header or trailer of a batch or file, which says nothing of a patient."""
        return self._head.startswith(_ENVELOPES)

    @property
    def _head(self) -> bytes:
        return self.content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()


class Message:
    """A message's segments, in their order."""

    __slots__ = ("delimiters", "segments")

    def __init__(self, piece: Piece) -> None:
        text = decoded(piece.content)
        self.delimiters = Delimiters.of(text)
        self.segments = [Segment(told, self.delimiters, piece.line + line) for told, line in _segments(text)]

    def first(self, name: str) -> Segment | None:
        """The first segment called `name`."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def all(self, name: str) -> list[Segment]:
        """Every segment called `name`."""
        return [segment for segment in self.segments if segment.name == name]

    @property
    def header(self) -> Segment:
        return self.segments[0]

    @property
    def kind(self) -> str:
        """What it is of: ADT, ORU, MDM … (MSH-9.1)."""
        return self.header(9, 1)

    @property
    def event(self) -> str:
        """What happened: A01, R01, T02 … (MSH-9.2, in older messages EVN-1)."""
        event = self.first("EVN")
        return self.header(9, 2) or (event(1) if event else "")


def pieces(file: BinaryIO, line: int = 1) -> Iterator[Piece]:
    """A file's messages and envelopes in turn, and whatever stands before the first.

    Parameters
    ----------
    line : int
        The number of the file's line that `file` is at.

    Raises
    ------
    Unusable
        One is longer than `LONGEST_MESSAGE`.
    """
    held = b""
    while block := file.read(BLOCK):
        # The last few bytes held may be the beginning of a header that the block ends.
        search_from = max(0, len(held) - 16)
        held += block
        begin = 0
        for match in _START.finditer(held, search_from):
            if match.start() > begin:
                yield Piece(held[begin : match.start()], line)
                line += lines(held[begin : match.start()])
                begin = match.start()
        held = held[begin:]
        if len(held) > LONGEST_MESSAGE:
            raise Unusable(Reason.UNREADABLE, f"a message of more than {LONGEST_MESSAGE} bytes")
    if held:
        yield Piece(held, line)


def lines(content: bytes) -> int:
    """How many lines end in `content`."""
    return content.count(b"\r") + content.count(b"\n") - content.count(b"\r\n")


def decoded(content: bytes) -> str:
    """A message's text; what its character set cannot read is left as surrogates, refused where they count.

    UTF-8 is tried first whatever MSH-18 says: what is not UTF-8 hardly ever looks like it, and senders
    keep a stale declaration.

    References
    ----------
    HL7 v2.5, 2.15.9.18 and table 0211.
    """
    content = content.removeprefix(b"\xef\xbb\xbf").translate(None, b"\x0b\x1c").lstrip()
    try:
        return content.decode()
    except UnicodeDecodeError:
        header = re.split(rb"[\r\n]", content, maxsplit=1)[0]
        told = header.split(header[3:4])[17:18] or [b""]
        charset = _CHARSETS.get(told[0].split(b"~")[0].strip().decode("ascii", "replace"))
        return content.decode(charset or "utf-8", "surrogateescape")


def _segments(text: str) -> Iterator[tuple[str, int]]:
    """Each segment's text, and on which of the message's lines it begins."""
    told = _LINE.split(text)
    if not any(line.strip() for line in told[1:]):
        yield from ((segment, 0) for segment in _IN_ONE_LINE.split(told[0]))
        return
    begun, where = told[0], 0
    for number, line in enumerate(told[1:], start=1):
        if _SEGMENT.match(line.lstrip(" \t")):
            yield begun, where
            begun, where = line.lstrip(" \t"), number
        else:
            begun += line  # a line that was broken within a field
    yield begun, where
