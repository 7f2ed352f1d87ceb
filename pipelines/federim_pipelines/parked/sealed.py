"""Encrypt a stream in chunks, of which none can be changed, moved, left out or cut off unnoticed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from federim.keys import keyed
from federim.model.errors import VerificationFailed

CHUNK_BYTES: Final = 1 << 20
SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_COUNTER_BYTES: Final = 11


def seal(key: bytes, header: bytes, content: Iterable[bytes], target: BinaryIO) -> None:
    """Write `header`, then `content`, encrypted with AES-256-GCM under a key of this stream's own.

    Each chunk's nonce is its number, and whether it is the last.

    Parameters
    ----------
    key : bytes, 32
        From which the stream's own key is derived with a random salt, so that no nonce is used twice.

    References
    ----------
    Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
    Misuse-Resistance", 2015 (STREAM); NIST SP 800-38D (GCM).
    """
    salt = secrets.token_bytes(SALT_BYTES)
    cipher = _cipher(key, salt)
    target.write(salt)
    waiting, number = header, 0  # the last chunk is told by none following it
    for chunk in _chunks(content):
        _write(target, cipher, number, waiting, last=False)
        waiting, number = chunk, number + 1
    _write(target, cipher, number, waiting, last=True)


def opened(key: bytes, source: BinaryIO) -> Iterator[bytes]:
    """What `seal` wrote: the header, then the content in chunks.

    Raises
    ------
    VerificationFailed
        The bytes were changed or cut off, or sealed under another key. What came before holds.
    """
    cipher = _cipher(key, source.read(SALT_BYTES))
    number = 0
    length = source.read(_LENGTH_BYTES)
    while length:
        told, sealed = length, source.read(int.from_bytes(length))
        length = source.read(_LENGTH_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, last=not length), sealed, told)
        except (InvalidTag, ValueError):
            raise VerificationFailed(
                f"chunk {number} of what was sealed: changed, cut off, or sealed under another key"
            ) from None
        number += 1
    if not number:
        raise VerificationFailed("what was sealed is cut off before its first chunk")


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(keyed(key, salt))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES) + bytes([last])


def _write(target: BinaryIO, cipher: AESGCM, number: int, chunk: bytes, *, last: bool) -> None:
    length = (len(chunk) + _TAG_BYTES).to_bytes(_LENGTH_BYTES)
    target.write(length + cipher.encrypt(_nonce(number, last=last), chunk, length))


def _chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    for block in content:
        for start in range(0, len(block), CHUNK_BYTES):
            yield block[start : start + CHUNK_BYTES]
