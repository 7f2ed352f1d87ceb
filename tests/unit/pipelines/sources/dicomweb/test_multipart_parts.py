"""Whatever the parts hold and however they arrive, they come out as they went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim_pipelines.sources.dicomweb.multipart import parts
from federim_pipelines.sources.web.server import Broken

BOUNDARY = "b--7"
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'

# Bytes that look like the boundary, or begin like it, among others.
contents = st.lists(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"-", b"--b", b"\r\n--b--", b"\r\n--b--8", b"b--7", b"\0", b"DICM"])
        | st.binary(max_size=9)
    ).map(b"".join),
    max_size=4,
)
sizes = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=30)


def as_body(objects: list[bytes], *, preamble: bytes = b"") -> bytes:
    head = b"\r\nContent-Type: application/dicom\r\nContent-Location: x\r\n\r\n"
    body = b"".join(b"--" + BOUNDARY.encode() + head + content + b"\r\n" for content in objects)
    return preamble + body + b"--" + BOUNDARY.encode() + b"--\r\n"


def in_blocks(body: bytes, lengths: list[int]) -> list[bytes]:
    blocks, start = [], 0
    while start < len(body):
        length = lengths[len(blocks) % len(lengths)]
        blocks.append(body[start : start + length])
        start += length
    return blocks


def read(content_type: str, blocks: list[bytes]) -> list[bytes]:
    return [b"".join(part) for part in parts(content_type, blocks)]


@given(objects=contents, lengths=sizes, preamble=st.sampled_from([b"", b"\r\n"]))
def test_parts_come_out_as_they_went_in(objects: list[bytes], lengths: list[int], preamble: bytes) -> None:
    assert read(TYPE, in_blocks(as_body(objects, preamble=preamble), lengths)) == objects


@given(objects=contents.filter(bool), lengths=sizes, data=st.data())
def test_an_answer_that_ends_early_is_never_taken_for_whole(
    objects: list[bytes], lengths: list[int], data: st.DataObject
) -> None:
    body = as_body(objects)
    whole = len(body) - len(b"\r\n")  # what follows the last boundary says nothing
    cut = data.draw(st.integers(min_value=0, max_value=whole - 1))
    with pytest.raises(Broken):
        read(TYPE, in_blocks(body[:cut], lengths))


def test_what_is_left_of_a_part_is_passed_over() -> None:
    found = []
    for part in parts(TYPE, [as_body([b"first", b"second"])]):
        found.append(next(part))
    assert found == [b"first", b"second"]


def test_one_object_alone_is_a_single_part() -> None:
    assert read("application/dicom", [b"DI", b"CM"]) == [b"DICM"]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/html; charset=utf-8",
        "multipart/related",
        'multipart/related; boundary=""',
        "multipart/mixed; boundary=b",
    ],
)
def test_an_answer_of_another_type_is_broken(content_type: str) -> None:
    with pytest.raises(Broken):
        read(content_type, [as_body([b"x"])])


def test_a_boundary_that_is_not_the_one_announced_is_broken() -> None:
    with pytest.raises(Broken):
        read(TYPE.replace(BOUNDARY, "other"), [as_body([b"x"])])
