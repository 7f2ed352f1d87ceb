"""Read at once what the vault knows of many identities, and write at once what they add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, chunks, marks
from federim.identity.vault.identifiers import Identifier, authority, lookup, told
from federim.identity.vault.rewritings import OldName, Rewritings
from federim.model.identifiers import PatientIdentity, Pseudonym


@dataclass(slots=True, kw_only=True)
class Known:
    """A person as the vault has them."""

    person_id: Pseudonym
    seed: bytes = field(repr=False)
    linked: bool
    oids: set[str]  # authorities of the INS they have


class Book:
    """The persons that some identities may belong to, as they are and as they become."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher
        self._lookups: dict[Identifier, bytes] = {}
        self.by_lookup: dict[bytes, Pseudonym] = {}
        self.persons: dict[str, Known] = {}
        self._new_persons: list[Sequence[Any]] = []
        self._new_tokens: list[Sequence[Any]] = []
        self._new_identifiers: list[Sequence[Any]] = []

    @classmethod
    def read(cls, database: Database, cipher: VaultCipher, identities: Sequence[PatientIdentity]) -> Self:
        """What the vault has of these identities."""
        book = cls(database, cipher)
        asked = sorted({book.lookup(each) for identity in identities for each in told(identity)})
        for chunk in chunks(asked):
            query = f"SELECT lookup, person_id FROM identifier WHERE lookup IN ({marks(chunk)})"
            book.by_lookup.update(database.rows(query, chunk))
        book.take(sorted(set(book.by_lookup.values())))
        return book

    def take(self, person_ids: Sequence[Pseudonym]) -> None:
        """Read those of these persons whom the vault has."""
        for names in chunks(person_ids):
            query = (
                "SELECT person_id, seed, person_id IN (SELECT person_id FROM token) "
                f"FROM person WHERE person_id IN ({marks(names)})"
            )
            for person_id, seed, linked in self._database.rows(query, names):
                self.persons[person_id] = Known(
                    person_id=person_id,
                    seed=self._cipher.open(seed, "person.seed", person_id),
                    linked=bool(linked),
                    oids=set(),
                )
            query = (
                "SELECT person_id, oid FROM identifier "
                f"WHERE oid IS NOT NULL AND person_id IN ({marks(names)})"
            )
            for person_id, oid in self._database.rows(query, names):
                self.persons[person_id].oids.add(oid)

    def lookup(self, identifier: Identifier) -> bytes:
        """What stands for an identifier, hashed once for all that the book does with it."""
        found = self._lookups.get(identifier)
        if found is None:
            found = self._lookups[identifier] = lookup(self._cipher, identifier)
        return found

    def persons_of(self, identity: PatientIdentity) -> list[Known]:
        """The persons its identifiers belong to, each once."""
        names = (self.by_lookup.get(self.lookup(each)) for each in told(identity))
        return [self.persons[name] for name in dict.fromkeys(names) if name is not None]

    def insert(self, person_id: Pseudonym, seed: bytes, tokens: Mapping[bytes, bytes]) -> Known:
        """A person who was not there, or is by another way."""
        if person_id not in self.persons:
            sealed = self._cipher.seal(seed, "person.seed", person_id)
            self._new_persons.append((person_id, sealed))
            self._new_tokens.extend(
                (
                    person_id,
                    epoch,
                    self._cipher.seal(token, "token.token", f"{person_id}{epoch.hex()}"),
                )
                for epoch, token in tokens.items()
            )
            self.persons[person_id] = Known(person_id=person_id, seed=seed, linked=bool(tokens), oids=set())
        return self.persons[person_id]

    def add(self, identifier: Identifier, person: Known) -> None:
        """Make an identifier theirs."""
        oid, issuer = authority(identifier)
        key = self.lookup(identifier)
        row = key.hex()
        self._new_identifiers.append(
            (
                key,
                person.person_id,
                oid,
                self._cipher.seal(issuer.encode(), "identifier.issuer", row),
                self._cipher.seal(identifier.value.encode(), "identifier.value", row),
            )
        )
        self.by_lookup[key] = person.person_id
        if oid is not None:
            person.oids.add(oid)

    def move(self, old: Known, new: Known, rewritings: Rewritings) -> Known:
        """Give all that is one person's to another."""
        self.write()
        run, names = self._database.run, (new.person_id, old.person_id)
        run("UPDATE identifier SET person_id = ? WHERE person_id = ?", names)
        run("UPDATE former_token SET person_id = ? WHERE person_id = ?", names)
        self._keep_former_tokens(old, new)
        rewritings.begin(
            OldName(person_id=old.person_id, seed=old.seed, linked=old.linked, now=new.person_id)
        )
        run("DELETE FROM token WHERE person_id = ?", (old.person_id,))
        run("DELETE FROM person WHERE person_id = ?", (old.person_id,))
        new.oids |= old.oids
        self.by_lookup = {
            key: new.person_id if name == old.person_id else name for key, name in self.by_lookup.items()
        }
        del self.persons[old.person_id]
        return new

    def write(self) -> None:
        """Write what was inserted and added."""
        many = self._database.many
        many("INSERT INTO person (person_id, seed) VALUES (?, ?) ON CONFLICT DO NOTHING", self._new_persons)
        many(
            "INSERT INTO token (person_id, key_server, token) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            self._new_tokens,
        )
        many(
            "INSERT INTO identifier (lookup, person_id, oid, issuer, value) VALUES (?, ?, ?, ?, ?)",
            self._new_identifiers,
        )
        self._new_persons, self._new_tokens, self._new_identifiers = [], [], []

    def _keep_former_tokens(self, old: Known, new: Known) -> None:
        query = "SELECT key_server, token FROM token WHERE person_id = ?"
        for epoch, sealed in self._database.rows(query, (old.person_id,)):
            token = self._cipher.open(sealed, "token.token", f"{old.person_id}{epoch.hex()}")
            digest = self._cipher.lookup("former token", token.hex())
            kept = self._cipher.seal(token, "former_token.token", digest.hex())
            self._database.run(
                "INSERT INTO former_token (person_id, key_server, digest, token) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (new.person_id, epoch, digest, kept),
            )
