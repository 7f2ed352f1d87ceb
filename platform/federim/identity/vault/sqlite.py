"""The vault in a SQLite file of its own, which several processes share."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Self

from federim.identity.keyfile import check_own_alone, put_in_place
from federim.identity.vault.database import PATIENCE_SECONDS, ROWS_A_PAGE, Database, Parameters, Row
from federim.identity.vault.schema import BYTES, statements
from federim.keys import write_private
from federim.model.errors import FederimError, StorageFull, VaultError

NAME: Final = "vault/identities.sqlite3"
MAGIC: Final = b"SQLite format 3\0"  # https://sqlite.org/fileformat2.html §1.3.1

_DAMAGED: Final = (
    f"{NAME} is damaged, and was left as it is; move it and the files beside it out of the vault's folder, "
    "then restore the site's backup with federim vault restore"
)
_SENTENCES: Final = {
    "SQLITE_BUSY": f"{NAME}: another process has held it for {PATIENCE_SECONDS} seconds, and nothing "
    "changed; run again when that one has ended",
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
}


class SqliteFile:
    """See `Place`."""

    shown = NAME

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        return self._path.exists()

    def create(self, fill: Callable[[Database], None]) -> None:
        # Made apart and named when whole: two processes cannot both turn one live file to WAL.
        pending = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        write_private(pending, b"")
        try:
            with contextlib.closing(SqliteDatabase.connect(pending)) as database:
                database.run("PRAGMA journal_mode = WAL")
                with database.transaction():
                    for statement in statements({BYTES: "BLOB", "BIGINT": "INTEGER"}):
                        database.run(f"{statement} STRICT" if " TABLE " in statement else statement)
                    fill(database)
            with contextlib.suppress(FileExistsError):
                put_in_place(pending, self._path)
        finally:
            for suffix in ("", "-wal", "-shm"):
                pending.with_name(pending.name + suffix).unlink(missing_ok=True)

    def open(self) -> SqliteDatabase:
        check_own_alone(self._path, NAME)
        try:
            with self._path.open("rb") as file:
                begins = file.read(len(MAGIC))
        except OSError as error:
            raise VaultError(f"{NAME} cannot be read: {error.strerror}") from None
        # SQLite takes an empty file for an empty database, and drops the log beside it.
        if begins != MAGIC:
            raise VaultError(_DAMAGED)
        return SqliteDatabase.connect(self._path)


class SqliteDatabase:
    """See `Database`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._failed = False  # a statement of the transaction that is under way

    @classmethod
    def connect(cls, path: Path) -> Self:
        """Open a file that exists.

        Raises
        ------
        VaultError
            The file is locked or no database.
        """
        with _plain_errors():
            connection = sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=PATIENCE_SECONDS
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
        return cls(connection, path)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        with self._statement():
            return self._connection.execute(sql, tuple(parameters)).fetchall()

    def pages(self, sql: str) -> Iterator[list[Row]]:
        with self._statement(), contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            while page := cursor.fetchmany(ROWS_A_PAGE):
                yield page

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        with self._statement():
            return self._connection.execute(sql, tuple(parameters)).rowcount

    def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        with self._statement():
            self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        # IMMEDIATE: two writers queue for the lock, and the second reads what the first wrote.
        with self._begun("BEGIN IMMEDIATE"):
            yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        with self._begun("BEGIN"):
            self.rows("SELECT count(*) FROM sqlite_schema")  # from the first read on, it is one state
            yield

    def scrub(self) -> None:
        with _plain_errors():
            self._connection.execute("VACUUM")
            [kept, _, _] = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if kept:
            raise VaultError(
                f"{NAME}: rows are deleted, but another program has been reading for {PATIENCE_SECONDS} "
                "seconds and keeps them in the log; end it, and run again"
            )

    def sound(self) -> bool:
        whole = self.rows("PRAGMA integrity_check(1)") == [("ok",)]
        return whole and not self.rows("PRAGMA foreign_key_check")

    def size(self) -> int:
        beside = (self._path.with_name(self._path.name + suffix) for suffix in ("", "-wal"))
        return sum(path.stat().st_size for path in beside if path.exists())

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def _statement(self) -> Iterator[None]:
        try:
            with _plain_errors():
                yield
        except FederimError:
            self._failed = True
            raise

    @contextlib.contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        with _plain_errors():
            self._connection.execute(begin)
            self._failed = False
            try:
                yield
                # SQLite would keep what came before the statement that failed.
                if self._failed:
                    raise VaultError(f"{NAME}: a statement failed, and nothing changed; run again")
                self._connection.execute("COMMIT")
            finally:
                # SQLite has already rolled back after some errors, a full disk among them.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # The name alone: SQLite's sentence may quote what it was given.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name == "SQLITE_FULL":
            raise StorageFull(f"{NAME}: the disk is full; make room and run again") from None
        raise VaultError(
            _SENTENCES.get(
                name,
                f"{NAME}: SQLite answers {name}, and nothing changed; run again, or restore its backup",
            )
        ) from None
