"""Compute a keyed function of inputs its key's holder never sees: RFC 9497 over ristretto255-SHA512.

Both modes, OPRF and VOPRF; all of a batch is one exchange. Points and scalars are 32 bytes, outputs 64, a
proof 64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from federim.identity import ristretto
from federim.identity.ristretto import ORDER, SCALAR_BYTES, Mode, multiply, sized
from federim.model.errors import IdentityError

__all__ = [
    "LARGEST_BATCH",
    "PROOF_BYTES",
    "Blinded",
    "Mode",
    "blind_many",
    "derive_key_pair",
    "evaluate_many",
    "finalize_many",
    "prove",
    "verify",
]

PROOF_BYTES: Final = 2 * SCALAR_BYTES
LARGEST_BATCH: Final = 0xFFFF  # a proof numbers the points of its batch in two bytes


@dataclass(frozen=True, slots=True)
class Blinded:
    """A batch on its way: what goes to the key's holder is `points` alone."""

    messages: tuple[bytes, ...] = field(repr=False)
    blinds: tuple[bytes, ...] = field(repr=False)
    points: tuple[bytes, ...]


def derive_key_pair(seed: bytes, info: bytes, mode: Mode = Mode.VOPRF) -> tuple[bytes, bytes]:
    """The private scalar and public point that a 32-byte seed stands for.

    References
    ----------
    RFC 9497 §3.2.1, DeriveKeyPair.
    """
    derived = seed + sized(info)
    for counter in range(256):
        private = ristretto.to_scalar(derived + bytes([counter]), b"DeriveKeyPair" + mode.context)
        if any(private):
            return private, ristretto.multiply_base(private)
    raise IdentityError("OPRF key: no scalar can be derived from this seed; make another key file")


def blind_many(
    messages: Sequence[bytes], mode: Mode = Mode.VOPRF, *, blinds: Sequence[bytes] | None = None
) -> Blinded:
    """Hide each message behind a scalar of its own: its point is then uniform, and tells nothing of it.

    Parameters
    ----------
    blinds : sequence of bytes, 32 each, optional
        Random unless given, as the published vectors do.

    References
    ----------
    RFC 9497 §3.3.1, Blind.
    """
    if blinds is None:
        blinds = [ristretto.random_scalar() for _ in messages]
    points = (
        multiply(blind, ristretto.to_point(message, mode))
        for message, blind in zip(messages, blinds, strict=True)
    )
    return Blinded(tuple(messages), tuple(blinds), tuple(points))


def evaluate_many(private: bytes, points: Sequence[bytes]) -> list[bytes]:
    """Each blinded point times the private scalar: all that the key's holder does.

    Raises
    ------
    IdentityError
        One of them is not the encoding of a point, or is the identity.

    References
    ----------
    RFC 9497 §3.3.1, BlindEvaluate.
    """
    return [multiply(private, point) for point in points]


def finalize_many(blinded: Blinded, evaluated: Sequence[bytes]) -> list[bytes]:
    """The function's outputs, 64 bytes each, once the blinds are taken off the evaluated points.

    Raises
    ------
    IdentityError
        There are fewer or more evaluated points than blinded ones, or one is no point.

    References
    ----------
    RFC 9497 §3.3.1, Finalize; in VOPRF mode, `verify` comes first (§3.3.2).
    """
    _require_as_many(blinded.points, evaluated)
    inverses = ristretto.invert_many(blinded.blinds)
    return [
        hashlib.sha512(sized(message) + sized(multiply(inverse, point)) + b"Finalize").digest()
        for message, inverse, point in zip(blinded.messages, inverses, evaluated, strict=True)
    ]


def prove(
    private: bytes,
    public: bytes,
    points: Sequence[bytes],
    evaluated: Sequence[bytes],
    *,
    nonce: bytes | None = None,
) -> bytes:
    """Proof that `evaluated` are `points` times the scalar behind `public`: 64 bytes, however many they are.

    Parameters
    ----------
    nonce : bytes, 32, optional
        The proof's random scalar: used twice, it gives the key away. Only the published vectors give one.

    Raises
    ------
    IdentityError
        More points than a proof can number, or one that is none.

    References
    ----------
    RFC 9497 §2.2.1, GenerateProof and ComputeCompositesFast.
    """
    nonce = nonce or ristretto.random_scalar()
    composite = _composite(points, _weights(public, points, evaluated))
    product = multiply(private, composite)
    challenge = _challenge(
        public, composite, product, ristretto.multiply_base(nonce), multiply(nonce, composite)
    )
    response: bytes = ristretto.minus(nonce, ristretto.times(challenge, private))
    return challenge + response


def verify(public: bytes, points: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes) -> None:
    """Raise unless `proof` says that `evaluated` are `points` under the key announced as `public`.

    Raises
    ------
    IdentityError
        Another key was used, or points or proof were changed on the way.

    References
    ----------
    RFC 9497 §2.2.2, VerifyProof and ComputeComposites.
    """
    _require_as_many(points, evaluated)
    challenge, response = proof[:SCALAR_BYTES], proof[SCALAR_BYTES:]
    if len(proof) != PROOF_BYTES or not 0 < int.from_bytes(response, "little") < ORDER:
        raise IdentityError(f"key server: its proof, {len(proof)} bytes, is not one; ask its operator")
    weights = _weights(public, points, evaluated)
    composite, product = _composite(points, weights), _composite(evaluated, weights)
    found = _challenge(
        public,
        composite,
        product,
        ristretto.add(ristretto.multiply_base(response), multiply(challenge, public)),
        ristretto.add(multiply(response, composite), multiply(challenge, product)),
    )
    if found != challenge:
        raise IdentityError(
            "key server: its answer was not made with the key it announces; nothing was linked. "
            "Ask its operator before you try again"
        )


def _weights(public: bytes, points: Sequence[bytes], evaluated: Sequence[bytes]) -> list[bytes]:
    """A public scalar for each pair, drawn from all of them: no wrong pair can make up for another."""
    if not 1 <= len(points) <= LARGEST_BATCH:
        raise IdentityError(f"OPRF proof: {len(points)} points; expected 1 to {LARGEST_BATCH}")
    context = Mode.VOPRF.context
    seed = sized(hashlib.sha512(sized(public) + sized(b"Seed-" + context)).digest())
    domain = b"HashToScalar-" + context
    return [
        ristretto.to_scalar(
            seed + index.to_bytes(2, "big") + sized(point) + sized(product) + b"Composite", domain
        )
        for index, (point, product) in enumerate(zip(points, evaluated, strict=True))
    ]


def _composite(points: Sequence[bytes], weights: Sequence[bytes]) -> bytes:
    total, *rest = (multiply(weight, point) for weight, point in zip(weights, points, strict=True))
    for term in rest:
        total = ristretto.add(total, term)
    return total


def _challenge(*elements: bytes) -> bytes:
    transcript = b"".join(map(sized, elements)) + b"Challenge"
    return ristretto.to_scalar(transcript, b"HashToScalar-" + Mode.VOPRF.context)


def _require_as_many(points: Sequence[bytes], evaluated: Sequence[bytes]) -> None:
    if len(points) != len(evaluated):
        raise IdentityError(
            f"key server: {len(evaluated)} points came back for {len(points)}; nothing was linked"
        )
