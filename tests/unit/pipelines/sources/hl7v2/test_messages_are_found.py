"""Messages in files of every shape: line ends, batches, charsets, spans."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_messages import message, msh, obx, pid

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item
from federim_pipelines.sources.hl7v2 import messages, reading
from federim_pipelines.sources.hl7v2.messages import Message, decoded, lines, pieces

ONE = (msh("ORU^R01"), pid(), "OBR|1", obx("718-7^Hb^LN", "13.5"))


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.most)


def found(content: bytes) -> list[Message]:
    return [Message(piece) for piece in pieces(io.BytesIO(content)) if piece.is_message]


def names(told: Message) -> list[str]:
    return [segment.name for segment in told.segments]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\n\r\n", "\r "])
def test_any_end_of_line_ends_a_segment(end: str) -> None:
    [told] = found(message(*ONE, end=end))
    assert names(told) == ["MSH", "PID", "OBR", "OBX"]


def test_a_message_in_one_line_is_cut_where_segments_begin() -> None:
    [told] = found(" ".join(ONE).encode())
    assert names(told) == ["MSH", "PID", "OBR", "OBX"]


def test_a_line_broken_within_a_field_goes_on() -> None:
    [told] = found(message(msh("ORU^R01"), "OBX|1|CE|A^text \n||N|", "OBX|2|CE|B"))
    assert [segment(5) for segment in told.all("OBX")] == ["N", ""]


def test_batch_headers_and_trailers_are_no_messages_and_nothing_between_is_lost() -> None:
    content = message("FHS|^~\\&", "BHS|^~\\&", *ONE, *ONE, "BTS|2", "FTS|1")
    told = list(pieces(io.BytesIO(content)))
    assert [piece.is_message for piece in told] == [False, False, True, True, False, False]
    assert [piece.is_envelope for piece in told] == [True, True, False, False, True, True]
    assert b"".join(piece.content for piece in told) == content


def test_the_bytes_that_frame_messages_on_a_network_and_a_byte_order_mark_count_for_nothing() -> None:
    content = b"\xef\xbb\xbf" + message(*ONE) + b"\x1c\r\x0b" + message(*ONE) + b"\x1c\r"
    assert [names(told) for told in found(content)] == [["MSH", "PID", "OBR", "OBX"]] * 2


def test_a_segment_knows_its_line_in_the_file() -> None:
    content = b"\n" + message(*ONE, end="\r\n") + message(*ONE, end="\n")
    assert [[segment.line for segment in told.segments] for told in found(content)] == [
        [2, 3, 4, 5],
        [6, 7, 8, 9],
    ]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859-15"),
        ("8859/1", "utf-8"),  # declared once, changed since
        ("", "utf-8"),
    ],
)
def test_text_is_read_in_the_character_set_it_is_in(declared: str, encoding: str) -> None:
    content = message(msh("ORU^R01", charset=declared), "PID|1||é").decode().encode(encoding)
    assert "PID|1||é" in decoded(content)


def test_what_no_declared_character_set_reads_is_not_guessed() -> None:
    content = message(msh("ORU^R01", charset=""), "PID|1||é").decode().encode("latin-1")
    assert "PID|1||\udce9" in decoded(content)


@given(st.lists(st.sampled_from(["\r", "\n", "\r\n"]), min_size=1, max_size=6), st.integers(1, 40))
def test_however_the_file_is_read_the_same_pieces_are_found(ends: list[str], block: int) -> None:
    content = b"".join(message(*ONE, end=end) for end in ends)
    whole = list(pieces(io.BytesIO(content)))
    assert list(pieces(Trickle(content, block))) == whole
    assert len(whole) == len(ends)


def test_spans_are_the_file_cut_between_messages(
    write_file: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SPAN_BYTES", 1000)
    content = b"".join(message(*ONE, end=end) for end in ("\r", "\n", "\r\n") * 7)
    item = write_file("many.hl7", content, source=reading.KIND)
    spans = list(reading.spans(item))
    assert len(spans) > 3
    assert b"".join(content[span.start : span.end] for span in spans) == content
    inside = [
        [(piece.line, piece.content) for piece in pieces(io.BytesIO(content[s.start : s.end]), s.first_line)]
        for s in spans
    ]
    assert list(chain(*inside)) == [(piece.line, piece.content) for piece in pieces(io.BytesIO(content))]


def test_a_message_that_never_ends_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "LONGEST_MESSAGE", 10_000)
    monkeypatch.setattr(messages, "BLOCK", 1_000)
    with pytest.raises(Unusable, match="more than 10000 bytes"):
        list(pieces(io.BytesIO(message(*ONE) + b"x" * 20_000)))


def test_lines_are_counted_as_an_editor_does() -> None:
    assert lines(b"a\rb\nc\r\nd") == 3
