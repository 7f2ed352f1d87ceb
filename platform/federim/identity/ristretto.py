"""The group of the OPRF, ristretto255, and what RFC 9497 hashes into it under a mode's context.

Scalars and points are 32 bytes, little-endian and canonical; every function that takes a secret runs in
libsodium, in time that does not depend on it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from enum import Enum
from itertools import accumulate
from pathlib import Path
from typing import Final

import rbcl

from federim.model.errors import IdentityError

# rbcl leaves a copy of libsodium among the temporary files, one more for each process that loads it.
Path(sys.modules["rbcl._sodium"].lib_path).unlink(missing_ok=True)

POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_SHA512_BLOCK: Final = 128

random_scalar = rbcl.crypto_core_ristretto255_scalar_random
random_point = rbcl.crypto_core_ristretto255_random
times = rbcl.crypto_core_ristretto255_scalar_mul
minus = rbcl.crypto_core_ristretto255_scalar_sub


class Mode(bytes, Enum):
    """The protocol variant (RFC 9497 §3): it enters every hash, so one mode's outputs are not another's."""

    OPRF = b"\x00"
    VOPRF = b"\x01"  # the holder of the key can prove that it used the announced one

    @property
    def context(self) -> bytes:
        """RFC 9497 §3.1, CreateContextString."""
        return b"OPRFV1-" + self.value + b"-ristretto255-SHA512"


def to_point(message: bytes, mode: Mode) -> bytes:
    """The point a message stands for (RFC 9497 §4.1, HashToGroup)."""
    point: bytes = rbcl.crypto_core_ristretto255_from_hash(_expand(message, b"HashToGroup-" + mode.context))
    return point


def to_scalar(message: bytes, domain: bytes) -> bytes:
    """The scalar a message stands for under `domain` (RFC 9497 §4.1, HashToScalar)."""
    scalar: bytes = rbcl.crypto_core_ristretto255_scalar_reduce(_expand(message, domain))
    return scalar


def multiply(scalar: bytes, point: bytes) -> bytes:
    """`scalar` times `point`.

    Raises
    ------
    IdentityError
        `point` is not the encoding of a point, or the product is the identity.
    """
    try:
        product: bytes = rbcl.crypto_scalarmult_ristretto255(scalar, point)
    except (RuntimeError, ValueError):
        raise IdentityError(
            f"OPRF element, {len(point)} bytes: expected a ristretto255 point, 32 bytes, not the identity"
        ) from None
    return product


def multiply_base(scalar: bytes) -> bytes:
    """`scalar`, which is not zero, times the group's generator."""
    product: bytes = rbcl.crypto_scalarmult_ristretto255_base(scalar)
    return product


def add(one: bytes, other: bytes) -> bytes:
    """The sum of two points that other functions here have made or taken."""
    total: bytes = rbcl.crypto_core_ristretto255_add(one, other)
    return total


def invert_many(scalars: Sequence[bytes]) -> list[bytes]:
    """Each scalar's inverse, by one inversion for all: one costs as much as forty multiplications.

    References
    ----------
    P. L. Montgomery, Speeding the Pollard and elliptic curve methods of factorization, 1987, §10.3.1.
    """
    if not scalars:
        return []
    products = list(accumulate(scalars, times))
    rest = rbcl.crypto_core_ristretto255_scalar_invert(products[-1])
    inverses = []
    for scalar, before in zip(reversed(scalars[1:]), reversed(products[:-1]), strict=True):
        inverses.append(times(rest, before))
        rest = times(rest, scalar)
    return [rest, *reversed(inverses)]


def sized(content: bytes) -> bytes:
    """`content` behind its length in two bytes, as RFC 9497 writes everything that it hashes."""
    return len(content).to_bytes(2, "big") + content


def _expand(message: bytes, domain: bytes) -> bytes:
    """64 uniform bytes: expand_message_xmd with SHA-512 (RFC 9380 §5.3.1), whose one block they fill."""
    suffix = domain + bytes([len(domain)])
    length = (64).to_bytes(2, "big")
    first = hashlib.sha512(bytes(_SHA512_BLOCK) + message + length + b"\x00" + suffix).digest()
    return hashlib.sha512(first + b"\x01" + suffix).digest()
