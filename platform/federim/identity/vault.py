"""Keep identities apart, in a file of their own that several processes share."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from federim.home import Home
from federim.identity.cipher import KEY_VARIABLE, VaultCipher, vault_key
from federim.identity.keyfile import put_in_place
from federim.keys import write_private
from federim.model.errors import IdentityError, StorageFull
from federim.model.identifiers import LocalId, NationalId, PatientIdentity, Pseudonym

Identifier = LocalId | NationalId

_NAME: Final = "vault/identities.sqlite3"
_BUSY_SECONDS: Final = 60
_CHUNK: Final = 500  # parameters a query; SQLite's own limit was 999 for long

_SCHEMA: Final = """
CREATE TABLE key_check (digest BLOB NOT NULL) STRICT;
CREATE TABLE person (
    person_id TEXT PRIMARY KEY,
    token BLOB NOT NULL,        -- encrypted
    key_server BLOB             -- public key of who made the token; null where the token is local
) STRICT, WITHOUT ROWID;
CREATE INDEX person_key_server ON person (key_server) WHERE key_server IS NOT NULL;
CREATE TABLE identifier (
    lookup BLOB PRIMARY KEY,    -- keyed hash of what is encrypted beside it
    person_id TEXT NOT NULL REFERENCES person,
    oid TEXT,                   -- authority of an INS; null where the identifier is local
    issuer BLOB NOT NULL,       -- encrypted
    value BLOB NOT NULL         -- encrypted
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identifier_one_ins ON identifier (person_id, oid) WHERE oid IS NOT NULL;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A row of the vault. The token is a national identifier in effect: it never leaves `identity`."""

    person_id: Pseudonym
    token: bytes = field(repr=False)
    key_server: bytes | None  # public key of who made the token; None where the token is local


@dataclass(frozen=True, slots=True)
class Match:
    """Whom an identity belongs to, and which of its identifiers the vault does not hold yet."""

    person: Person | None
    unknown: tuple[Identifier, ...]


class Vault:
    """A home's identities, open in one process and thread; any number of processes may have it open."""

    def __init__(self, connection: sqlite3.Connection, cipher: VaultCipher) -> None:
        self._connection = connection
        self._cipher = cipher

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the home's vault, made on first use.

        Raises
        ------
        IdentityError
            The vault was written under another key, or its file is damaged.
        HomeError
            The key file is missing beside an existing vault, or is no key.
        """
        path = home.vault / "identities.sqlite3"
        fresh = not path.exists()
        cipher = VaultCipher(vault_key(home, fresh=fresh))
        with _plain_errors():
            if fresh:
                _create(path, cipher)
            connection = sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_BUSY_SECONDS
            )
        try:
            with _plain_errors():
                # FULL: a pseudonym the lake holds must not be forgotten by the vault in a power cut.
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
                kept = connection.execute("SELECT digest FROM key_check").fetchone()
            if kept != (cipher.check,):
                raise IdentityError(
                    f"{_NAME} was written under another vault key; "
                    f"restore keys/vault.key, or {KEY_VARIABLE}, from the site's backup"
                )
        except BaseException:
            connection.close()
            raise
        return cls(connection, cipher)

    def close(self) -> None:
        self._connection.close()

    def match(self, identity: PatientIdentity) -> Match:
        """Whom an identity belongs to.

        Raises
        ------
        IdentityError
            Its identifiers belong to two persons, or give a known person a second INS of one authority.
        """
        with _plain_errors():
            return self._match(identity)

    def enrol(self, identity: PatientIdentity, newcomer: Person) -> Person:
        """The person an identity belongs to, `newcomer` if nobody; identifiers not yet known become theirs.

        Raises
        ------
        IdentityError
            As `match`; or `newcomer` was linked by another key server than everybody before.
        """
        with _plain_errors(), self._transaction():
            match = self._match(identity)
            if match.person is None:
                self._insert_person(newcomer)
            person = match.person or newcomer
            for identifier in match.unknown:
                self._insert_identifier(person.person_id, identifier)
            return person

    def tokens(self, person_ids: Sequence[Pseudonym]) -> dict[Pseudonym, bytes]:
        """The tokens of those persons that the vault knows."""
        found: dict[Pseudonym, bytes] = {}
        for start in range(0, len(person_ids), _CHUNK):
            chunk = person_ids[start : start + _CHUNK]
            query = f"SELECT person_id, token FROM person WHERE person_id IN ({_marks(chunk)})"
            with _plain_errors():
                rows = self._connection.execute(query, chunk).fetchall()
            for person_id, token in rows:
                found[person_id] = self._cipher.open(token, "person.token", person_id)
        return found

    def count_late_links(self) -> int:
        """Persons who have an INS and yet a local token, because the INS came after the pseudonym."""
        query = (
            "SELECT count(DISTINCT person_id) FROM identifier JOIN person USING (person_id) "
            "WHERE oid IS NOT NULL AND key_server IS NULL"
        )
        with _plain_errors():
            count: int = self._connection.execute(query).fetchone()[0]
        return count

    def _match(self, identity: PatientIdentity) -> Match:
        told: list[Identifier] = [*identity.local]
        if identity.national is not None:
            told.append(identity.national)
        by_lookup = {self._lookup(identifier): identifier for identifier in told}
        rows = self._connection.execute(
            "SELECT lookup, person_id, token, key_server FROM identifier JOIN person USING (person_id) "
            f"WHERE lookup IN ({_marks(by_lookup)})",
            list(by_lookup),
        ).fetchall()
        if len({person_id for _, person_id, _, _ in rows}) > 1:
            raise IdentityError(
                f"{len(by_lookup)} identifiers of one person belong to different persons of the vault; "
                "correct their source"
            )
        known = {lookup for lookup, _, _, _ in rows}
        unknown = tuple(identifier for lookup, identifier in by_lookup.items() if lookup not in known)
        if not rows:
            return Match(None, unknown)
        _, person_id, token, key_server = rows[0]
        self._refuse_second_ins(person_id, unknown)
        token = self._cipher.open(token, "person.token", person_id)
        return Match(Person(person_id=person_id, token=token, key_server=key_server), unknown)

    def _refuse_second_ins(self, person_id: str, unknown: Sequence[Identifier]) -> None:
        query = "SELECT 1 FROM identifier WHERE person_id = ? AND oid = ?"
        for identifier in unknown:
            if not isinstance(identifier, NationalId):
                continue
            if self._connection.execute(query, (person_id, identifier.oid)).fetchone():
                raise IdentityError(
                    "a person of the vault is given a second INS by the same authority; correct their source"
                )

    def _insert_person(self, person: Person) -> None:
        if person.key_server is not None:
            earlier = self._connection.execute(
                "SELECT key_server FROM person WHERE key_server IS NOT NULL LIMIT 1"
            ).fetchone()
            if earlier not in (None, (person.key_server,)):
                raise IdentityError(
                    f"{_NAME}: its persons were linked by another key server; "
                    "set key_server back, or new ones would not be recognised where the others are"
                )
        sealed = self._cipher.seal(person.token, "person.token", person.person_id)
        self._connection.execute(
            "INSERT INTO person (person_id, token, key_server) VALUES (?, ?, ?)",
            (person.person_id, sealed, person.key_server),
        )

    def _insert_identifier(self, person_id: str, identifier: Identifier) -> None:
        oid, issuer = _authority(identifier)
        lookup = self._lookup(identifier)
        row = lookup.hex()
        self._connection.execute(
            "INSERT INTO identifier (lookup, person_id, oid, issuer, value) VALUES (?, ?, ?, ?, ?)",
            (
                lookup,
                person_id,
                oid,
                self._cipher.seal(issuer.encode(), "identifier.issuer", row),
                self._cipher.seal(identifier.value.encode(), "identifier.value", row),
            ),
        )

    def _lookup(self, identifier: Identifier) -> bytes:
        oid, issuer = _authority(identifier)
        return self._cipher.lookup("local" if oid is None else "national", issuer, identifier.value)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: two writers queue for the lock, and the second reads what the first wrote.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            # SQLite has already rolled back after some errors, a full disk among them.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _create(path: Path, cipher: VaultCipher) -> None:
    # Made apart and named when whole: two processes cannot both turn one live file to WAL.
    pending = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_private(pending, b"")
    try:
        with contextlib.closing(sqlite3.connect(pending, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            connection.execute("INSERT INTO key_check (digest) VALUES (?)", (cipher.check,))
        with contextlib.suppress(FileExistsError):
            put_in_place(pending, path)
    finally:
        pending.unlink(missing_ok=True)


def _authority(identifier: Identifier) -> tuple[str | None, str]:
    """The OID if this is an INS, and who issued it in either case."""
    if isinstance(identifier, NationalId):
        return identifier.oid, identifier.oid
    return None, identifier.issuer


def _marks(values: Sized) -> str:
    return ",".join("?" * len(values))


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # The name alone: SQLite's sentence may quote what it was given.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name == "SQLITE_FULL":
            raise StorageFull(f"{_NAME}: the disk is full; make room and run again") from None
        raise IdentityError(
            f"{_NAME}: SQLite answers {name}, and nothing changed; run again, or restore the site's backup"
        ) from None
