"""Compute a keyed function of an input its key's holder never sees: RFC 9497 OPRF over ristretto255.

Mode OPRF (0x00), suite ristretto255-SHA512. Scalars and points are 32 bytes, outputs 64.
"""

from __future__ import annotations

import hashlib
from typing import Final

import rbcl

from federim.model.errors import IdentityError

_MODE: Final = b"\x00"
_CONTEXT: Final = b"OPRFV1-" + _MODE + b"-ristretto255-SHA512"
_SHA512_BLOCK: Final = 128


def derive_key_pair(seed: bytes, info: bytes) -> tuple[bytes, bytes]:
    """The private scalar and public point that a 32-byte seed stands for.

    References
    ----------
    RFC 9497 §3.2.1.
    """
    derived = seed + _sized(info)
    for counter in range(256):
        uniform = _expand(derived + bytes([counter]), b"DeriveKeyPair" + _CONTEXT)
        private: bytes = rbcl.crypto_core_ristretto255_scalar_reduce(uniform)
        if any(private):
            return private, rbcl.crypto_scalarmult_ristretto255_base(private)
    raise IdentityError("OPRF key: no scalar can be derived from this seed; make another key file")


def blind(message: bytes, scalar: bytes | None = None) -> tuple[bytes, bytes]:
    """The blind (random unless `scalar` is given) and the blinded point, which tells nothing of `message`.

    References
    ----------
    RFC 9497 §3.3.1, Blind.
    """
    if scalar is None:
        scalar = rbcl.crypto_core_ristretto255_scalar_random()
    point = rbcl.crypto_core_ristretto255_from_hash(_expand(message, b"HashToGroup-" + _CONTEXT))
    return scalar, _multiply(scalar, point)


def blind_evaluate(private: bytes, blinded: bytes) -> bytes:
    """The blinded point times the private scalar: all the key's holder does.

    Raises
    ------
    IdentityError
        `blinded` is not the encoding of a point, or is the identity.

    References
    ----------
    RFC 9497 §3.3.1, BlindEvaluate.
    """
    return _multiply(private, blinded)


def finalize(message: bytes, scalar: bytes, evaluated: bytes) -> bytes:
    """The function's output, 64 bytes, from the evaluated point and the blind that hid `message`.

    Raises
    ------
    IdentityError
        `evaluated` is not the encoding of a point, or is the identity.

    References
    ----------
    RFC 9497 §3.3.1, Finalize.
    """
    unblinded = _multiply(rbcl.crypto_core_ristretto255_scalar_invert(scalar), evaluated)
    return hashlib.sha512(_sized(message) + _sized(unblinded) + b"Finalize").digest()


def _multiply(scalar: bytes, point: bytes) -> bytes:
    try:
        product: bytes = rbcl.crypto_scalarmult_ristretto255(scalar, point)
    except (RuntimeError, ValueError):
        raise IdentityError(
            f"OPRF element, {len(point)} bytes: expected a ristretto255 point, 32 bytes, not the identity"
        ) from None
    return product


def _expand(message: bytes, domain: bytes) -> bytes:
    """64 uniform bytes: expand_message_xmd with SHA-512 (RFC 9380 §5.3.1), whose one block they fill."""
    suffix = domain + bytes([len(domain)])
    length = (64).to_bytes(2, "big")
    first = hashlib.sha512(bytes(_SHA512_BLOCK) + message + length + b"\x00" + suffix).digest()
    return hashlib.sha512(first + b"\x01" + suffix).digest()


def _sized(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content
