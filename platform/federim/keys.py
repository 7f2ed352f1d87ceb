"""A home's secrets: a root key whose uses are derived, a key that signs, a key that opens what is sealed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from federim.model.errors import HomeError, VerificationFailed

ROOT_KEY_BYTES = 32
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner can read, whole or not at all; refuse to replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_private(path: Path, content: bytes) -> None:
    """Put `content` in the place of a file, whole or not at all; only its owner can read it."""
    pending = path.with_name(f".{path.name}.new")
    pending.unlink(missing_ok=True)
    write_private(pending, content)
    pending.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def exclusively(lock: Path) -> Iterator[None]:
    """Hold a lock file, so that two processes do not change the same thing at once."""
    with os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def create_keys(folder: Path) -> None:
    """Make `root.key`, `signing.key` and `sealing.key` in `folder` (32 random bytes each)."""
    for name in ("root.key", "signing.key", "sealing.key"):
        # Any 32 bytes are an Ed25519 seed (RFC 8032 §5.1.5) and an X25519 private key (RFC 7748 §5).
        write_private(folder / name, secrets.token_bytes(ROOT_KEY_BYTES))


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
    begun_inner, begun_outer = _begun(key)
    inner, outer = begun_inner.copy(), begun_outer.copy()
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
    return hashlib.sha256(padded.translate(_INNER_PAD)), hashlib.sha256(padded.translate(_OUTER_PAD))


def canonical(document: Any) -> bytes:
    """A JSON document as the one sequence of bytes that is hashed and signed: sorted, compact UTF-8."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


class SigningKey:
    """An Ed25519 key that stays in its home (RFC 8032)."""

    def __init__(self, raw: bytes) -> None:
        # Signatures are rare, and importing what makes them takes longer than most uses of a key.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(raw)

    @property
    def public(self) -> str:
        """The public half, 64 hexadecimal digits."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> str:
        """The signature over `content`, 128 hexadecimal digits."""
        return self._key.sign(content).hex()


def signature_holds(public: str, signature: str, content: bytes) -> bool:
    """Whether `signature` over `content` was made by `public` (both hexadecimal)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_signature(public: str, signature: str, content: bytes, *, what: str) -> None:
    """Raise `VerificationFailed`, naming `what`, unless `signature` over `content` was made by `public`."""
    if not signature_holds(public, signature, content):
        raise VerificationFailed(f"{what}: the signature does not match its content")


class SealingKey:
    """An X25519 key: whoever knows its public half can close a box that only this one opens.

    References
    ----------
    libsodium's `crypto_box_seal`: an ephemeral X25519 key, XSalsa20-Poly1305.
    """

    def __init__(self, raw: bytes) -> None:
        from nacl.public import PrivateKey

        self._key = PrivateKey(raw)

    @property
    def public(self) -> str:
        """The public half, 64 hexadecimal digits."""
        return bytes(self._key.public_key).hex()

    def open(self, box: bytes) -> bytes | None:
        """What is in the box; None if it was closed for another key, or changed since."""
        from nacl.exceptions import CryptoError
        from nacl.public import SealedBox

        try:
            return bytes(SealedBox(self._key).decrypt(box))
        except CryptoError:
            return None


def close_box(public: str, content: bytes) -> bytes:
    """`content` in a box that only the holder of `public`'s other half opens (48 bytes longer).

    Raises
    ------
    HomeError
        `public` is not 64 hexadecimal digits.
    """
    from nacl.public import PublicKey, SealedBox

    try:
        key = PublicKey(bytes.fromhex(public))
    except (ValueError, TypeError) as error:
        raise HomeError("a sealing key is malformed: expected 64 hexadecimal digits") from error
    return bytes(SealedBox(key).encrypt(content))
