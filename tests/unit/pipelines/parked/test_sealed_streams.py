"""What is sealed comes back whole or not at all, and shows nothing."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.model.errors import VerificationFailed
from federim_pipelines.parked import sealed

KEY = bytes(range(32))
HEADER = b"whose file this is"


@pytest.fixture(autouse=True, scope="module")
def short_chunks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "CHUNK_BYTES", 16)
        yield


def seal(*content: bytes, key: bytes = KEY) -> bytes:
    target = io.BytesIO()
    sealed.seal(key, HEADER, content, target)
    return target.getvalue()


def unseal(content: bytes, key: bytes = KEY) -> list[bytes]:
    return list(sealed.opened(key, io.BytesIO(content)))


@given(st.lists(st.binary(max_size=70), max_size=5))
def test_content_comes_back_however_it_was_cut(parts: list[bytes]) -> None:
    header, *chunks = unseal(seal(*parts))
    assert (header, b"".join(chunks)) == (HEADER, b"".join(parts))


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    content = bytearray(seal(b"a" * 40))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VerificationFailed):
        unseal(bytes(content))


@given(st.integers(0, 200))
def test_it_cannot_be_cut_off(length: int) -> None:
    whole = seal(b"a" * 60)
    with pytest.raises(VerificationFailed):
        unseal(whole[: min(length, len(whole) - 1)])


def test_no_chunk_can_be_left_out_repeated_or_moved() -> None:
    whole = seal(b"a" * 16, b"b" * 16, b"c" * 16)
    ends = [sealed.SALT_BYTES]
    while ends[-1] < len(whole):
        ends.append(ends[-1] + 4 + int.from_bytes(whole[ends[-1] : ends[-1] + 4]))
    salt, chunks = whole[: ends[0]], [whole[start:end] for start, end in pairwise(ends)]
    assert len(chunks) == 4
    for wrong in ([0, 2, 3], [0, 1, 1, 2, 3], [0, 2, 1, 3], [0, 1, 2], [0, 1, 2, 3, 3]):
        with pytest.raises(VerificationFailed):
            unseal(salt + b"".join(chunks[place] for place in wrong))


def test_another_key_opens_nothing_and_nothing_shows() -> None:
    content = seal(b"2790351215189xx")
    assert HEADER not in content and b"2790351215189" not in content
    with pytest.raises(VerificationFailed):
        unseal(content, bytes(32))


def test_the_same_content_is_never_sealed_alike() -> None:
    one, other = seal(b"a" * 64), seal(b"a" * 64)
    assert not {one[at : at + 16] for at in range(len(one))} & {
        other[at : at + 16] for at in range(len(other))
    }
