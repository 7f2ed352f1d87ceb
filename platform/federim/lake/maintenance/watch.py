"""Who wants to know how far a long look at the lake is."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Shows progress; it is told counts, and no name of anything."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A part of the work begins, of `total` steps where that is known."""

    def advance(self) -> None:
        """One more step."""


class Unwatched:
    """Nobody wants to know."""

    def stage(self, name: str, total: int | None = None) -> None: ...

    def advance(self) -> None: ...
