"""An encrypted file gives back what was written, and nothing at all once a bit of it has changed."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.identity.cipher import VaultCipher
from federim.identity.vault.sealed_file import SealedWriter, read_header, read_pieces
from federim.model.errors import IdentityError

CIPHER = VaultCipher(bytes(range(32)))
PIECES = st.lists(st.binary(max_size=80), max_size=5)


def written(pieces: list[bytes]) -> bytes:
    file = BytesIO()
    writer = SealedWriter(file, CIPHER, {"of": "a test"})
    for piece in pieces:
        writer.write(piece)
    writer.finish()
    return file.getvalue()


def read(raw: bytes, cipher: VaultCipher = CIPHER) -> list[bytes]:
    file = BytesIO(raw)
    line, _ = read_header(file)
    return list(read_pieces(file, cipher, line))


@given(PIECES)
def test_what_was_written_is_read(pieces: list[bytes]) -> None:
    raw = written(pieces)
    assert read(raw) == pieces
    assert read_header(BytesIO(raw))[1]["of"] == "a test"


@given(PIECES, st.data())
def test_no_bit_can_be_changed(pieces: list[bytes], data: st.DataObject) -> None:
    raw = bytearray(written(pieces))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(IdentityError):
        read(bytes(raw))


@given(PIECES, st.data())
def test_no_end_can_be_cut(pieces: list[bytes], data: st.DataObject) -> None:
    raw = written(pieces)
    with pytest.raises(IdentityError):
        read(raw[: data.draw(st.integers(0, len(raw) - 1))])


def test_a_length_beyond_the_end_is_noticed() -> None:
    raw = bytearray(written([]))
    raw[-17] += 1  # the length of the last piece, before its 16 bytes
    with pytest.raises(IdentityError, match="not whole"):
        read(bytes(raw))


def test_pieces_cannot_be_moved_left_out_or_repeated() -> None:
    line, *rest = written([b"one", b"two"]).split(b"\n", 1)
    body = rest[0]
    size = 4 + 3 + 16
    one, two, end = body[:size], body[size : 2 * size], body[2 * size :]
    for forged in (two + one + end, two + end, one + end, one + one + two + end, end, one + two + end + end):
        with pytest.raises(IdentityError, match="not whole"):
            read(line + b"\n" + forged)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(IdentityError, match="not whole"):
        read(written([b"one"]), VaultCipher(bytes(32)))


def test_two_files_of_the_same_pieces_differ() -> None:
    assert written([b"one"]).split(b"\n", 1)[1] != written([b"one"]).split(b"\n", 1)[1]


@pytest.mark.parametrize("raw", [b"", b"\n", b"[]\n", b"{}", b"x" * 10_000, b"\xff\xfe\n"])
def test_another_file_is_not_taken_for_one(raw: bytes) -> None:
    with pytest.raises(IdentityError, match="no backup"):
        read(raw)
