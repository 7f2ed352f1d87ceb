"""Hide what the vault keeps: encrypted columns, keyed look-ups and backups, all under the vault key."""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from federim.keys import keyed
from federim.model.errors import VaultError

_NONCE_BYTES: Final = 12


class VaultCipher:
    """The vault key's uses, each with a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._sealing = AESGCM(keyed(key, "vault", "seal"))
        self._index_key = keyed(key, "vault", "index")
        self._backup_key = keyed(key, "vault", "backup")
        self.check = keyed(key, "vault", "check")  # 32 bytes that tell one vault key from another

    def lookup(self, *parts: str) -> bytes:
        """What stands for an identifier in an index (32 bytes): equal for equal parts, and one-way."""
        return keyed(self._index_key, *parts)

    def seal(self, content: bytes, column: str, row: str) -> bytes:
        """Encrypt with AES-256-GCM for one place: moved to another column or row, it does not open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, content, _place(column, row))

    def open(self, sealed: bytes, column: str, row: str) -> bytes:
        """What `seal` hid.

        Raises
        ------
        VaultError
            The bytes were changed, or come from another place.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._sealing.decrypt(nonce, ciphertext, _place(column, row))
        except (InvalidTag, ValueError):
            raise VaultError(
                f"vault, {column}: a row was changed outside Federim; restore the site's backup"
            ) from None

    def file_key(self, header: bytes) -> bytes:
        """The 32-byte key of the one backup that begins with `header`, in which there is a salt."""
        return keyed(self._backup_key, header)


def _place(column: str, row: str) -> bytes:
    return f"{column} {row}".encode()
