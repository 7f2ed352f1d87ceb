"""Follow one file through the intake: what was taken of it, and what became of it in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from federim_pipelines.items import Fate, Item


class Naming(Protocol):
    """Tells files apart: the inputs of a run do."""

    def name(self, item: Item) -> str:
        """The file an item belongs to."""

    def digest(self, item: Item) -> bytes:
        """A hash of that file, whole (32 bytes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a file."""

    fate: Fate
    refused: bool  # whether anything of it was
    opposed: bool  # whether any of it is about a person who objects to research
    parked: bool  # whether anything of it waits for the key server


class Settled(Protocol):
    """Told what became of a file, once that is committed."""

    def __call__(self, path: Path, settlement: Settlement, /) -> None: ...


@dataclass
class TakenFile:
    """The file whose items are being taken."""

    item: Item
    inputs: Naming
    accepted: int = 0
    known: int = 0
    noted: int = 0  # records that entered, withdrawals of what never came among them
    refused: int = 0
    opposed: int = 0  # of those refused
    parked: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @cached_property
    def name(self) -> str:
        """What the run calls it."""
        return self.inputs.name(self.item)

    @cached_property
    def digest(self) -> bytes:
        """A hash of its content: asked for once something of it is refused, or waits."""
        return self.inputs.digest(self.item)

    @property
    def has_nothing_else(self) -> bool:
        """Whether what was skipped is all there is in it."""
        return bool(self.skipped) and not (self.accepted or self.known or self.refused or self.parked)

    @property
    def settlement(self) -> Settlement:
        """What becomes of it, going by all that was taken of it."""
        return Settlement(
            fate=self._fate,
            refused=self.refused > 0,
            opposed=self.opposed > 0,
            parked=self.parked > 0,
        )

    @property
    def _fate(self) -> Fate:
        if self.accepted:
            return Fate.ACCEPTED
        if self.parked:
            return Fate.PARKED
        if self.known:
            return Fate.DUPLICATE
        if self.refused:
            return Fate.QUARANTINED
        return Fate.ACCEPTED if self.noted else Fate.IGNORED
