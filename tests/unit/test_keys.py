"""Derived keys do not meet, signatures hold until a byte changes, private files are never replaced."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federim.keys import SigningKey, canonical, check_signature, keyed, write_private
from federim.model.errors import VerificationFailed

KEY = bytes(range(32))
parts = st.lists(st.binary(max_size=8), max_size=4)


@given(parts, parts)
def test_different_parts_never_share_a_digest(one: list[bytes], other: list[bytes]) -> None:
    assert (keyed(KEY, *one) == keyed(KEY, *other)) == (one == other)


@given(st.binary(max_size=200), parts)
def test_a_digest_is_an_hmac_over_sized_parts(key: bytes, told: list[bytes]) -> None:
    message = b"".join(len(part).to_bytes(8, "big") + part for part in told)
    assert keyed(key, *told) == hmac.digest(key, message, "sha256")


def test_the_key_matters_and_text_is_its_utf8() -> None:
    assert keyed(KEY, "é") == keyed(KEY, "é".encode())
    assert keyed(KEY, "a") != keyed(bytes(32), "a")


@given(st.binary(min_size=1, max_size=64), st.data())
def test_a_signature_holds_until_a_bit_changes(content: bytes, data: st.DataObject) -> None:
    key = SigningKey(KEY)
    signature = key.sign(content)
    check_signature(key.public, signature, content, what="the paper")
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VerificationFailed, match="the paper"):
        check_signature(key.public, signature, bytes(changed), what="the paper")


@pytest.mark.parametrize(("public", "signature"), [("zz", "00"), ("", ""), ("ab" * 32, "ab" * 64)])
def test_what_is_no_key_or_signature_is_refused_as_one(public: str, signature: str) -> None:
    with pytest.raises(VerificationFailed, match="the paper"):
        check_signature(public, signature, b"content", what="the paper")


def test_a_document_has_one_canonical_form() -> None:
    assert canonical({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical({"a": float("nan")})


def test_a_private_file_is_0600_and_never_replaced(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"first")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
