"""Tell whoever watches how many series of a site are ready; Flower's apps have no argument for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol


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


_watch: Final[ContextVar[Watch | None]] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Have `watch` told of what this thread does inside."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def current() -> Watch:
    """Who watches."""
    return _watch.get() or Unwatched()
