"""One encrypted file: a header that anybody may read, and pieces that say whether all of them are there."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from federim.identity.cipher import VaultCipher
from federim.model.errors import IdentityError

_SALT_BYTES: Final = 32
_LONGEST_HEADER: Final = 4096
_LENGTH_BYTES: Final = 4
_LONGEST_PIECE: Final = 1 << 30
_MORE, _LAST = b"\0", b"\1"


class SealedWriter:
    """Writes a header line, then pieces, each encrypted with AES-256-GCM for its number.

    References
    ----------
    Hoang, Reyhanitabar, Rogaway, Vizár, "Online authenticated-encryption and its nonce-reuse
    misuse-resistance", CRYPTO 2015: STREAM, whose nonce counts the pieces and marks the last one. The key is
    the file's own, derived from its whole header.
    """

    def __init__(self, file: BinaryIO, cipher: VaultCipher, header: Mapping[str, Any]) -> None:
        told = {**header, "key": cipher.check.hex(), "salt": secrets.token_hex(_SALT_BYTES)}
        line = json.dumps(told, sort_keys=True).encode() + b"\n"
        self._file = file
        self._sealing = AESGCM(cipher.file_key(line))
        self._number = 0
        file.write(line)

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._write(piece, _MORE)

    def finish(self) -> None:
        """Say that no piece follows."""
        self._write(b"", _LAST)

    def _write(self, piece: bytes, mark: bytes) -> None:
        sealed = self._sealing.encrypt(_nonce(self._number, mark), piece, None)
        self._file.write(len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)
        self._number += 1


def read_header(file: BinaryIO) -> tuple[bytes, Mapping[str, Any]]:
    """The header line, and what it tells.

    Raises
    ------
    IdentityError
        The file begins with no such line.
    """
    line = file.readline(_LONGEST_HEADER)
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not line.endswith(b"\n"):
        raise IdentityError("the file is no backup of a vault: its first line is not what one begins with")
    return line, told


def read_pieces(file: BinaryIO, cipher: VaultCipher, line: bytes) -> Iterator[bytes]:
    """The pieces that follow a header line, in order.

    Raises
    ------
    IdentityError
        A piece was changed, moved or taken out, or the file ends too early or too late.
    """
    opening = AESGCM(cipher.file_key(line))
    number = 0
    while (piece := _opened(opening, sealed := _next(file), number, _MORE)) is not None:
        yield piece
        number += 1
    if _opened(opening, sealed, number, _LAST) != b"" or file.read(1):
        raise IdentityError(
            f"the backup is not whole: piece {number + 1} was changed or cut; use another one"
        )


def _next(file: BinaryIO) -> bytes:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
    sealed = file.read(length) if length <= _LONGEST_PIECE else b""
    return sealed if len(sealed) == length else b""


def _opened(opening: AESGCM, sealed: bytes, number: int, mark: bytes) -> bytes | None:
    try:
        return opening.decrypt(_nonce(number, mark), sealed, None)
    except (InvalidTag, ValueError):
        return None


def _nonce(number: int, mark: bytes) -> bytes:
    return number.to_bytes(11, "big") + mark
