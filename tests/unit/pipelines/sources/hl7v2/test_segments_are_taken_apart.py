"""Fields, repetitions, components and escapes, with whatever separators a message declares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.sources.hl7v2.segments import Delimiters, Segment

USUAL = Delimiters()


def test_a_field_is_numbered_as_the_standard_does_after_the_separator_of_a_header() -> None:
    header = Segment("MSH|^~\\&|SIL|LABO", USUAL, 1)
    assert (header.raw(1), header.raw(2), header(3)) == ("|", "^~\\&", "SIL")
    assert Segment("OBX|1|NM", USUAL, 1)(2) == "NM"


def test_what_is_not_there_is_empty_and_so_is_what_is_said_to_be_deleted() -> None:
    segment = Segment('PID|1||""^^^CHU|^b', USUAL, 1)
    assert (segment(3), segment(3, 4), segment(4), segment(4, 2), segment(99), segment(2, 3)) == (
        "",
        "CHU",
        "",
        "b",
        "",
        "",
    )


def test_repetitions_and_parts_are_told_apart() -> None:
    segment = Segment("PID|1||a^^^X&1.2&ISO~b||", USUAL, 1)
    assert [(value(1), value(4, 2)) for value in segment.values(3)] == [("a", "1.2"), ("b", "")]
    assert segment(3, 4, 3) == "ISO"


def test_a_message_may_declare_other_separators() -> None:
    told = Delimiters.of("MSH#*%!$#SIL")
    assert (told.field, told.component, told.repetition, told.escape, told.subcomponent) == tuple("#*%!$")
    assert Segment("OBX#1#CE#a*b", told, 1)(3, 2) == "b"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a\T\b", "a&b"),
        (r"\F\\S\\R\\E\ ", "|^~\\ "),
        (r"one\.br\two", "one\ntwo"),
        (r"\X0D41\x", "\rAx"),
        (r"\H\bold\N\ ", "bold "),
        (r"\Zlocal\ stays", r"\Zlocal\ stays"),
        (r"C:\temp", r"C:\temp"),
        ("ends with \\", "ends with \\"),
    ],
)
def test_escapes_are_what_they_stand_for(written: str, meant: str) -> None:
    assert USUAL.unescaped(written) == meant


@given(st.text())
def test_what_was_escaped_comes_back(text: str) -> None:
    letters = {"\\": r"\E\ ".strip(), "|": r"\F\ ".strip(), "^": r"\S\ ".strip()}
    letters |= {"~": r"\R\ ".strip(), "&": r"\T\ ".strip()}
    assert USUAL.unescaped("".join(letters.get(letter, letter) for letter in text)) == text


def test_a_value_shows_nothing_of_the_patient() -> None:
    segment = Segment("PID|1||SECRET", USUAL, 7)
    assert "SECRET" not in repr(segment) + repr(segment.value(3))
