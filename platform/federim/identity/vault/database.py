"""What the vault asks of a database, whichever holds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeVar

Parameters = Sequence[Any]

PARAMETERS_A_QUERY: Final = 500  # SQLite's own limit was 999 for long

T = TypeVar("T")


class Database(Protocol):
    """One connection, for one process and thread. Placeholders are `?`; bytes come back as `bytes`.

    Raises
    ------
    IdentityError
        From every method: the database refuses or is damaged; nothing changed.
    StorageFull
        The disk refuses; nothing changed.
    """

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Carry out one statement; returns how many rows it changed."""

    def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Carry out one statement for each of `rows`."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, and the only one that writes while it lasts."""

    def scrub(self) -> None:
        """Leave nothing of deleted rows in the database's files."""

    def close(self) -> None:
        """Let go of the connection."""


def marks(values: Sequence[Any]) -> str:
    """As many placeholders as there are values."""
    return ",".join("?" * len(values))


def chunks(values: Sequence[T], size: int = PARAMETERS_A_QUERY) -> Iterator[Sequence[T]]:
    """The values in pieces that fit into one query."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
