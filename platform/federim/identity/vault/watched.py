"""A vault's database as one process has it open, until another process changes the vault key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from federim.identity.vault.database import Database, Parameters, Row
from federim.model.errors import VaultError


class Watched:
    """See `Database`. Under a former key nothing is found, and nothing that others find is written.

    Raises
    ------
    VaultError
        From every method, also: the vault is under another key than when it was opened.
    """

    def __init__(self, database: Database, check: bytes) -> None:
        self._database = database
        self._check = check
        self._inside = False  # a transaction, which nobody can change the key in

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        found = self._database.rows(sql, parameters)
        if not self._inside:
            self._check_key()  # afterwards: what was read before the key changed is right
        return found

    def pages(self, sql: str) -> Iterator[list[Row]]:
        return self._database.pages(sql)

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        with self._transaction_if_none():
            return self._database.run(sql, parameters)

    def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        with self._transaction_if_none():
            self._database.many(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with self._database.transaction():
            self._check_key()
            with self._being_inside():
                yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        with self._database.reading():
            self._check_key()
            with self._being_inside():
                yield

    def scrub(self) -> None:
        self._database.scrub()

    def sound(self) -> bool:
        return self._database.sound()

    def size(self) -> int:
        return self._database.size()

    def close(self) -> None:
        self._database.close()

    def _transaction_if_none(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._inside else self.transaction()

    @contextlib.contextmanager
    def _being_inside(self) -> Iterator[None]:
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def _check_key(self) -> None:
        if self._database.rows("SELECT digest FROM key_check") != [(self._check,)]:
            raise VaultError(
                "the vault key was changed while this process had the vault open, and nothing was written; "
                "run again"
            )
