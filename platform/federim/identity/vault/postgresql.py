"""The vault in a schema of its own of a PostgreSQL database, for sites that have one looked after."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from federim.identity.vault.database import PATIENCE_SECONDS, ROWS_A_PAGE, Database, Parameters, Row
from federim.identity.vault.schema import BYTES, TABLES, statements
from federim.model.errors import HomeError, StorageFull, VaultError

if TYPE_CHECKING:
    import psycopg

DEFAULT_SCHEMA: Final = "federim_vault"
_LOCAL_HOSTS: Final = ("", "localhost", "127.0.0.1", "::1")
_CHECKED_TLS: Final = ("verify-full", "verify-ca")

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_DISK_FULL: Final = "53100"
_LOCK_NOT_AVAILABLE: Final = "55P03"


class PostgresqlSchema:
    """See `Place`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        self._schema = options.pop("schema", DEFAULT_SCHEMA)
        if not re.fullmatch("[a-z_][a-z0-9_]{0,62}", self._schema):
            raise HomeError("vault_url: schema must be a lower-case word, such as federim_vault")
        host = parts.hostname or options.get("host", "")
        if (
            host not in _LOCAL_HOSTS
            and not host.startswith("/")
            and options.get("sslmode") not in _CHECKED_TLS
        ):
            raise HomeError(
                "vault_url: the server is on another machine; add sslmode=verify-full (and sslrootcert=FILE)"
            )
        self._address = parts._replace(query=urlencode(options)).geturl()
        self.shown = f"schema {self._schema} of PostgreSQL"

    def exists(self) -> bool:
        with contextlib.closing(self._connect()) as database:
            return database.holds_vault()

    def create(self, fill: Callable[[Database], None]) -> None:
        with contextlib.closing(self._connect()) as database, database.making():
            if database.holds_vault():
                return
            for statement in statements({BYTES: "BYTEA"}):
                database.run(statement)
            fill(database)

    def open(self) -> PostgresqlDatabase:
        database = self._connect()
        try:
            database.check_own_alone()
        except BaseException:
            database.close()
            raise
        return database

    def _connect(self) -> PostgresqlDatabase:
        return PostgresqlDatabase.connect(self._address, self._schema)


class PostgresqlDatabase:
    """See `Database`."""

    def __init__(self, dial: Callable[[], psycopg.Connection[Row]], schema: str) -> None:
        self._dial = dial
        self._schema = schema
        self._connection = dial()

    @classmethod
    def connect(cls, address: str, schema: str) -> Self:
        """Connect to the server, and look into one schema alone.

        Raises
        ------
        HomeError
            PostgreSQL's driver is not installed.
        VaultError
            The server cannot be reached, or does not let this account in.
        """
        try:
            import psycopg
        except ImportError:
            raise HomeError("vault_url names PostgreSQL; install federim[postgresql]") from None
        settings = {
            "search_path": f"{schema},pg_temp",  # temporary tables last: no table stands before the vault's
            "lock_timeout": f"{PATIENCE_SECONDS}s",
            "synchronous_commit": "on",  # a pseudonym the lake holds must outlive a power cut here too
        }

        def dial() -> psycopg.Connection[Row]:
            try:
                return psycopg.connect(
                    address,
                    autocommit=True,
                    connect_timeout=PATIENCE_SECONDS,
                    application_name="federim vault",
                    options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
                )
            except psycopg.Error as error:
                raise VaultError(
                    "vault_url: PostgreSQL cannot be reached there, or does not let this role in "
                    f"({error.sqlstate or type(error).__name__})"
                ) from None

        return cls(dial, schema)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        with _plain_errors():
            return self._live().execute(_adapted(sql), tuple(parameters)).fetchall()

    def pages(self, sql: str) -> Iterator[list[Row]]:
        with _plain_errors(), self._connection.cursor("pages") as cursor:
            cursor.execute(_adapted(sql))
            while page := cursor.fetchmany(ROWS_A_PAGE):
                yield page

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        with _plain_errors():
            return self._connection.execute(_adapted(sql), tuple(parameters)).rowcount

    def many(self, sql: str, rows: Iterable[Parameters]) -> None:
        with _plain_errors(), self._connection.cursor() as cursor:
            cursor.executemany(_adapted(sql), rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with self._begun("BEGIN"):
            # One writer at a time, who reads what the one before wrote; readers do not wait.
            self.run("LOCK TABLE key_check IN EXCLUSIVE MODE")
            yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        with self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """A transaction that may make the schema's tables, one process at a time."""
        with self._begun("BEGIN"):
            self.rows("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", (f"federim {self._schema}",))
            if not self.rows("SELECT 1 FROM pg_namespace WHERE nspname = ?", (self._schema,)):
                self.run(f"CREATE SCHEMA {self._schema}")
            yield

    def holds_vault(self) -> bool:
        """Whether the schema has a vault's tables."""
        return self.rows("SELECT to_regclass(?) IS NOT NULL", (f"{self._schema}.key_check",)) == [(True,)]

    def check_own_alone(self) -> None:
        """Refuse a schema that is another role's, or that another role was let into.

        Raises
        ------
        VaultError
            So it is.
        """
        found = self.rows(
            "SELECT pg_has_role(nspowner, 'USAGE'), EXISTS (SELECT 1 FROM aclexplode(nspacl) "
            "WHERE grantee <> nspowner) FROM pg_namespace WHERE nspname = ?",
            (self._schema,),
        )
        if found != [(True, False)]:
            raise VaultError(
                f"schema {self._schema} of PostgreSQL is missing, another role's, or open to another role; "
                f"make this role its owner (ALTER SCHEMA … OWNER TO …), and nobody else's (REVOKE ALL …)"
            )

    def scrub(self) -> None:
        with _plain_errors():
            for table in TABLES:
                self._connection.execute(f"VACUUM (FULL) {table}")

    def sound(self) -> bool:
        # It checks a page's sum as it reads it, and keeps references itself: reading all is the check.
        return True

    def size(self) -> int:
        query = "SELECT sum(pg_total_relation_size(to_regclass(name))) FROM unnest(?::text[]) AS name"
        [(found,)] = self.rows(query, ([f"{self._schema}.{table}" for table in TABLES],))
        return int(found)

    def close(self) -> None:
        self._connection.close()

    def _live(self) -> psycopg.Connection[Row]:
        """The connection, a new one where the server has dropped it: services outlive its restarts."""
        if self._connection.broken:
            self._connection = self._dial()
        return self._connection

    @contextlib.contextmanager
    def _begun(self, begin: str) -> Iterator[None]:
        from psycopg.pq import TransactionStatus

        with _plain_errors():
            self._live().execute(begin)
            try:
                yield
                # COMMIT after a statement that failed is a silent ROLLBACK.
                if self._connection.info.transaction_status != TransactionStatus.INTRANS:
                    raise VaultError("vault: a statement failed, and nothing changed; run again")
                self._connection.execute("COMMIT")
            finally:
                if self._connection.info.transaction_status in (
                    TransactionStatus.INTRANS,
                    TransactionStatus.INERROR,
                ):
                    self._connection.execute("ROLLBACK")


@lru_cache(maxsize=1024)
def _adapted(sql: str) -> Any:
    return sql.replace("%", "%%").replace("?", "%s")


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    from psycopg import Error

    try:
        yield
    except Error as error:
        # The code alone: PostgreSQL's sentence quotes the row it refuses.
        code = error.sqlstate or type(error).__name__
        if code == _DISK_FULL:
            raise StorageFull("vault: PostgreSQL's disk is full; make room and run again") from None
        if code == _LOCK_NOT_AVAILABLE:
            raise VaultError(
                f"vault: another process has held it for {PATIENCE_SECONDS} seconds, and nothing changed; "
                "run again when that one has ended"
            ) from None
        raise VaultError(f"vault: PostgreSQL answers {code}, and nothing changed; run again") from None
