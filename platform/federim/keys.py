"""A home's secrets: one root key whose uses are derived, one Ed25519 key that signs."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from federim.model.errors import HomeError, VerificationFailed

ROOT_KEY_BYTES = 32


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner can read, whole or not at all; refuse to replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def create_keys(folder: Path) -> None:
    """Make `root.key` and `signing.key` in `folder` (32 random bytes each)."""
    # Signatures are rare, and importing what makes them takes longer than most uses of a key.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    write_private(folder / "root.key", secrets.token_bytes(ROOT_KEY_BYTES))
    raw = Ed25519PrivateKey.generate().private_bytes_raw()
    write_private(folder / "signing.key", raw)


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file.

    Raises
    ------
    HomeError
        The file is missing, or is not 32 bytes long.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HomeError(f"key {path.name} cannot be read; restore it from the site's backup") from error
    if len(content) != ROOT_KEY_BYTES:
        raise HomeError(f"key {path.name}: {len(content)} bytes where {ROOT_KEY_BYTES} were expected")
    return content


def keyed(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA256 over length-prefixed parts (32 bytes), so that ("ab", "c") and ("a", "bc") differ.

    References
    ----------
    RFC 2104.
    """
    inner, outer = (begun.copy() for begun in _begun(key))
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        inner.update(len(raw).to_bytes(8, "big") + raw)
    outer.update(inner.digest())
    return bytes(outer.digest())


@lru_cache(maxsize=1024)
def _begun(key: bytes) -> tuple[Any, Any]:
    """Both hashes of an HMAC, its key taken in: the costly half of one over a short message."""
    block = hashlib.sha256().block_size
    padded = (key if len(key) <= block else hashlib.sha256(key).digest()).ljust(block, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)), hashlib.sha256(
        bytes(byte ^ 0x5C for byte in padded)
    )


def canonical(document: Any) -> bytes:
    """A JSON document as the one sequence of bytes that is hashed and signed: sorted, compact UTF-8."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


class SigningKey:
    """An Ed25519 key that stays in its home (RFC 8032)."""

    def __init__(self, raw: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(raw)

    @property
    def public(self) -> str:
        """The public half, 64 hexadecimal digits."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> str:
        """The signature over `content`, 128 hexadecimal digits."""
        return self._key.sign(content).hex()


def check_signature(public: str, signature: str, content: bytes, *, what: str) -> None:
    """Raise `VerificationFailed`, naming `what`, unless `signature` over `content` was made by `public`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError) as error:
        raise VerificationFailed(f"{what}: the signature does not match its content") from error
