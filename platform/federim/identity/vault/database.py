"""What the vault asks of a database, whichever holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeVar

Parameters = Sequence[Any]
Row = tuple[Any, ...]

PARAMETERS_A_QUERY: Final = 500  # SQLite's own limit was 999 for long
ROWS_A_PAGE: Final = 5_000
PATIENCE_SECONDS: Final = 60  # for whoever else holds the database

T = TypeVar("T")


class Database(Protocol):
    """One connection, for one process and thread. Placeholders are `?`; bytes come back as `bytes`.

    Raises
    ------
    IdentityError
        From every method: the database refuses, is damaged, or another process holds it for too long;
        nothing changed.
    StorageFull
        The disk refuses; nothing changed.
    """

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query."""

    def pages(self, sql: str) -> Iterator[list[Row]]:
        """The rows of a query that may be long, a page at a time. Inside `reading` or `transaction`."""

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Carry out one statement; returns how many rows it changed."""

    def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Carry out one statement for each of `rows`."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, and the only one that writes while it lasts."""

    def reading(self) -> AbstractContextManager[None]:
        """One state of the database while it lasts, whatever others write meanwhile."""

    def scrub(self) -> None:
        """Leave nothing of deleted rows in the database's files.

        Raises
        ------
        IdentityError
            Another program has been reading for a minute, and keeps the rows it may still ask for.
        """

    def sound(self) -> bool:
        """Whether the database finds its own files whole."""

    def size(self) -> int:
        """Bytes on the disk."""

    def close(self) -> None:
        """Let go of the connection."""


class Place(Protocol):
    """Where a vault is, or may be made."""

    @property
    def shown(self) -> str:
        """What to call it in a sentence; no secret is in it."""

    def exists(self) -> bool:
        """Whether a vault is there.

        Raises
        ------
        IdentityError
            The place cannot be reached.
        """

    def create(self, fill: Callable[[Database], None]) -> None:
        """Make a vault and fill it, whole or not at all; nothing happens if another process was first."""

    def open(self) -> Database:
        """Open the vault, which must exist.

        Raises
        ------
        IdentityError
            It is missing, held by another process, damaged, or others may read it.
        """


def marks(values: Sequence[Any]) -> str:
    """As many placeholders as there are values."""
    # Only SQLite takes an empty list; NULL equals nothing anywhere.
    return ",".join("?" * len(values)) or "NULL"


def chunks(values: Sequence[T], size: int = PARAMETERS_A_QUERY) -> Iterator[Sequence[T]]:
    """The values in pieces that fit into one query."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
