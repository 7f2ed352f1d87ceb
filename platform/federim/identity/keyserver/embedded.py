"""A key server in this process: what the service runs, and what a home without one has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from federim.identity import oprf
from federim.identity.keyserver.contract import Epoch, Evaluation
from federim.identity.keyserver.epochs import EpochKey
from federim.model.errors import KeyServerAway


class EmbeddedKeyServer:
    """Evaluates under the keys it is given. It learns points and how many, nothing else.

    Parameters
    ----------
    keys : callable
        Gives the open epochs' keys, the newest first, as they are now.
    """

    def __init__(self, keys: Callable[[], Sequence[EpochKey]]) -> None:
        self._keys = keys
        self.evaluated = 0  # points, since this object was made

    @classmethod
    def of_seed(cls, seed: bytes) -> Self:
        """A key server of one epoch, which nobody ever closes."""
        only = (EpochKey.of_seed(1, seed),)
        return cls(lambda: only)

    def epochs(self) -> tuple[Epoch, ...]:
        """See `KeyServer`."""
        return tuple(key.epoch for key in self._keys())

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        """See `KeyServer`."""
        keys = self._keys()
        key = next((key for key in keys if epoch in (None, key.epoch.number)), None)
        if key is None:
            known = ", ".join(str(key.epoch.number) for key in keys)
            raise KeyServerAway(f"key server: epoch {epoch} is not open; open: {known}")
        evaluated = oprf.evaluate_many(key.private, points)
        self.evaluated += len(evaluated)
        proof = oprf.prove(key.private, key.epoch.public, points, evaluated) if prove else None
        return Evaluation(evaluated, proof)

    def close(self) -> None:
        """Nothing is held open."""
