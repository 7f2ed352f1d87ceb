"""Whatever bytes it is given, the proof ends, and still finds what stands in them."""

from __future__ import annotations

from headers_to_prove import clean, device, written
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.deidentify.proof.headers import header_of

RAW = written(device())
NEST = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"


def leaking() -> bytes:
    inner = Dataset()
    inner.TextValue = "vu LEFEBVRE ce jour"
    return written(clean(ContentSequence=[inner], SeriesDescription="AX T1"))


@given(raw=st.binary(max_size=300), output=st.binary(max_size=300), text=st.text(max_size=30))
def test_any_bytes_are_checked(raw: bytes, output: bytes, text: str) -> None:
    assert isinstance(Prover().check(raw, output, text), tuple)
    assert isinstance(header_of(output), bytes)


@given(st.data())
def test_a_damaged_output_still_shows_its_patient(data: st.DataObject) -> None:
    content = bytearray(leaking())
    name = content.index(b"LEFEBVRE")
    places = [place for place in range(len(content)) if not name <= place < name + 8]
    for place in data.draw(st.lists(st.sampled_from(places), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    assert Prover().check(RAW, bytes(content))


@given(st.data())
def test_a_damaged_original_is_read_as_far_as_it_goes(data: st.DataObject) -> None:
    content = bytearray(RAW)
    for place in data.draw(st.lists(st.integers(0, len(RAW) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    Prover().check(bytes(content), leaking())


def test_sequences_nested_without_end_are_left_where_they_become_absurd() -> None:
    assert Prover().check(RAW, written(clean()) + NEST * 3000 + b"LEFEBVRE")
