"""The vault in a SQLite file of its own, which several processes share."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Self

from federim.identity.keyfile import put_in_place
from federim.identity.vault.database import Parameters
from federim.identity.vault.schema import statements
from federim.keys import write_private
from federim.model.errors import IdentityError, StorageFull

NAME: Final = "vault/identities.sqlite3"
_BUSY_SECONDS: Final = 60


class SqliteDatabase:
    """See `Database`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, which must exist.

        Raises
        ------
        IdentityError
            The file is missing, locked or no database.
        """
        with _plain_errors():
            connection = sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_BUSY_SECONDS
            )
        try:
            with _plain_errors():
                # FULL: a pseudonym the lake holds must not be forgotten by the vault in a power cut.
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    @classmethod
    def create(cls, path: Path, key_check: bytes) -> None:
        """Make an empty vault, unless another process was first."""
        # Made apart and named when whole: two processes cannot both turn one live file to WAL.
        pending = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        write_private(pending, b"")
        try:
            with (
                _plain_errors(),
                contextlib.closing(sqlite3.connect(pending, isolation_level=None)) as connection,
            ):
                connection.execute("PRAGMA journal_mode = WAL")
                for statement in statements("BLOB"):
                    strict = " STRICT" if statement.startswith("CREATE TABLE") else ""
                    connection.execute(statement.replace("BIGINT", "INTEGER") + strict)
                connection.execute("INSERT INTO key_check (digest) VALUES (?)", (key_check,))
            with contextlib.suppress(FileExistsError):
                put_in_place(pending, path)
        finally:
            pending.unlink(missing_ok=True)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        with _plain_errors():
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        with _plain_errors():
            return self._connection.execute(sql, tuple(parameters)).rowcount

    def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        with _plain_errors():
            self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        # IMMEDIATE: two writers queue for the lock, and the second reads what the first wrote.
        with _plain_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                # SQLite has already rolled back after some errors, a full disk among them.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def scrub(self) -> None:
        with _plain_errors():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # The name alone: SQLite's sentence may quote what it was given.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name == "SQLITE_FULL":
            raise StorageFull(f"{NAME}: the disk is full; make room and run again") from None
        raise IdentityError(
            f"{NAME}: SQLite answers {name}, and nothing changed; run again, or restore the site's backup"
        ) from None
