"""What a site asks of a key server, in this process or far away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MESSAGE_SIZES: Final = (10, 100, 1000)
"""How many points a message over the network holds: its length tells an order of magnitude alone."""

LARGEST_MESSAGE: Final = MESSAGE_SIZES[-1]


@dataclass(frozen=True, slots=True)
class Epoch:
    """The time in which one key evaluates; two may overlap, while sites go from one to the next."""

    number: int
    public: bytes  # ristretto255 point, 32 bytes


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluated points, in the order they were asked in, and the proof of their key if it was asked for."""

    points: list[bytes]
    proof: bytes | None


class KeyServer(Protocol):
    """Who evaluates blinded points. To be closed."""

    def epochs(self) -> tuple[Epoch, ...]:
        """The open epochs, the newest first.

        Raises
        ------
        KeyServerAway
            It cannot be reached.
        VerificationFailed
            What answers is not the key server that this home trusts.
        """

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        """Each blinded point (32 bytes) times the epoch's private scalar, in the same order.

        Parameters
        ----------
        epoch : int, optional
            An open one; the newest unless it is given.
        prove : bool
            Prove (64 bytes, RFC 9497 VOPRF) that the epoch's announced key was used.

        Raises
        ------
        IdentityError
            One of them is no ristretto255 point.
        KeyServerAway
            It cannot be reached, or does not evaluate for this site in this epoch, or not now.
        VerificationFailed
            As `epochs`.
        """

    def close(self) -> None:
        """Let go of its connections."""
