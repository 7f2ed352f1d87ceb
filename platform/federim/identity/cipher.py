"""Hide what the vault keeps: encrypted columns and keyed look-ups, all under the vault key."""

from __future__ import annotations

import os
import re
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from federim.home import Home
from federim.identity.keyfile import read_or_make_key
from federim.keys import keyed, read_key
from federim.model.errors import IdentityError

KEY_VARIABLE: Final = "FEDERIM_VAULT_KEY"
_NONCE_BYTES: Final = 12


class VaultCipher:
    """The vault key's three uses, each with a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._sealing = AESGCM(keyed(key, "vault", "seal"))
        self._index_key = keyed(key, "vault", "index")
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
        IdentityError
            The bytes were changed, or come from another place.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._sealing.decrypt(nonce, ciphertext, _place(column, row))
        except (InvalidTag, ValueError):
            raise IdentityError(
                f"vault, {column}: a row was changed outside Federim; restore the site's backup"
            ) from None


def vault_key(home: Home, *, fresh: bool) -> bytes:
    """The 32-byte vault key: `FEDERIM_VAULT_KEY` (hexadecimal), else `keys/vault.key`.

    Parameters
    ----------
    fresh : bool
        There is no vault yet, so the file may be made; a key made later could open nothing.

    Raises
    ------
    IdentityError
        The variable is not 64 hexadecimal digits.
    HomeError
        The file is missing beside an existing vault, or is no key.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given is not None:
        if not re.fullmatch("[0-9a-fA-F]{64}", given):
            raise IdentityError(f"{KEY_VARIABLE}: {len(given)} characters; expected 64 hexadecimal digits")
        return bytes.fromhex(given)
    path = home.keys / "vault.key"
    return read_or_make_key(path) if fresh else read_key(path)


def _place(column: str, row: str) -> bytes:
    return f"{column} {row}".encode()
