"""Keep account of erasures that have begun, and take a person out of every table of the vault."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, marks
from federim.identity.vault.identifiers import Identifier, lookup
from federim.identity.vault.suppression import Word
from federim.model.identifiers import IdentityStatus as Status
from federim.model.identifiers import Ins, Ipp, LocalId, NationalId, Pseudonym

Outcome = Mapping[str, Any]

_COLUMN: Final = "erasure.state"
_OF_PERSON: Final = ("token", "former_token", "identifier", "original")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An opposition that is being carried out.

    Attributes
    ----------
    persons : tuple of str
        Whom the lake knows by these pseudonyms, the present one first; none once the vault has forgotten
        them, or where nobody is known.
    together : bytes
        What the person's digests on the list have in common.
    done : mapping
        What each step that is complete told, by its name: counts, and what later steps need.
    """

    id: str
    persons: tuple[Pseudonym, ...] = field(repr=False)
    word: Word
    together: bytes = field(repr=False)
    actor: str
    begun_at: str
    done: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The project that the person objects to; empty where it is all research."""
        return self.word.project

    def with_step(self, name: str, outcome: Outcome) -> Erasure:
        """The same once a step is complete."""
        return replace(self, done={**self.done, name: outcome})

    def as_bytes(self) -> bytes:
        """What the journal seals."""
        return json.dumps(
            {
                "persons": self.persons,
                "word": self.word,
                "together": self.together.hex(),
                "actor": self.actor,
                "begun_at": self.begun_at,
                "done": self.done,
            }
        ).encode()

    @classmethod
    def read(cls, erasure_id: str, state: bytes) -> Self:
        """What `as_bytes` wrote."""
        told = json.loads(state)
        return cls(
            id=erasure_id,
            persons=tuple(map(Pseudonym, told["persons"])),
            word=Word(*told["word"]),
            together=bytes.fromhex(told["together"]),
            actor=told["actor"],
            begun_at=told["begun_at"],
            done=told["done"],
        )


class Erasures:
    """The journal of a vault's erasures, and what they read and remove. All in the caller's transactions."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def write(self, erasure: Erasure) -> None:
        """Keep how far an erasure has come."""
        sealed = self._cipher.seal(erasure.as_bytes(), _COLUMN, erasure.id)
        self._database.run(
            "INSERT INTO erasure (erasure_id, state) VALUES (?, ?) "
            "ON CONFLICT (erasure_id) DO UPDATE SET state = excluded.state",
            (erasure.id, sealed),
        )

    def pending(self) -> list[Erasure]:
        """Those that are not complete, in a fixed order."""
        rows = self._database.rows("SELECT erasure_id, state FROM erasure ORDER BY erasure_id")
        return [Erasure.read(id_, self._cipher.open(state, _COLUMN, id_)) for id_, state in rows]

    def complete(self, erasure: Erasure) -> None:
        """Forget an erasure that has its record."""
        self._database.run("DELETE FROM erasure WHERE erasure_id = ?", (erasure.id,))

    def identifiers(self, person_id: Pseudonym) -> list[Identifier]:
        """All identifiers of a person."""
        found: list[Identifier] = []
        query = "SELECT lookup, oid, issuer, value FROM identifier WHERE person_id = ?"
        for key, oid, sealed_issuer, sealed_value in self._database.rows(query, (person_id,)):
            issuer = self._cipher.open(sealed_issuer, "identifier.issuer", key.hex()).decode()
            value = self._cipher.open(sealed_value, "identifier.value", key.hex()).decode()
            found.append(
                LocalId(issuer=issuer, value=Ipp(value))
                if oid is None
                else NationalId(oid=oid, value=Ins(value), status=Status.QUALIFIED)
            )
        return found

    def tokens(self, person_id: Pseudonym | None = None) -> list[tuple[Pseudonym, bytes]]:
        """Every token of a person, or of everybody, those of an INS that another followed among them."""
        where, who = ("", ()) if person_id is None else (" WHERE person_id = ?", (person_id,))
        now = self._database.rows(f"SELECT person_id, key_server, token FROM token{where}", who)
        then = self._database.rows(f"SELECT person_id, digest, token FROM former_token{where}", who)
        return [
            (Pseudonym(person), self._cipher.open(sealed, "token.token", f"{person}{epoch.hex()}"))
            for person, epoch, sealed in now
        ] + [
            (Pseudonym(person), self._cipher.open(sealed, "former_token.token", digest.hex()))
            for person, digest, sealed in then
        ]

    def await_no_more(self, identifiers: Sequence[Identifier]) -> None:
        """Have nobody wait for the key server by these numbers."""
        keys = [lookup(self._cipher, each) for each in identifiers]
        self._database.run(f"DELETE FROM awaiting WHERE lookup IN ({marks(keys)})", keys)

    def earlier_names(self, person_id: Pseudonym) -> list[Pseudonym]:
        """Pseudonyms that rows of a person may still bear, because a late link is not carried out."""
        query = "SELECT old_person_id FROM rewriting WHERE new_person_id = ? ORDER BY old_person_id"
        return [Pseudonym(old) for (old,) in self._database.rows(query, (person_id,))]

    def persons(self, after: str, at_most: int) -> list[Pseudonym]:
        """Persons in the order of their pseudonyms, a page of them."""
        query = f"SELECT person_id FROM person WHERE person_id > ? ORDER BY person_id LIMIT {at_most}"
        return [Pseudonym(person_id) for (person_id,) in self._database.rows(query, (after,))]

    def remove(self, person_ids: Sequence[Pseudonym]) -> dict[str, int]:
        """Take persons out of every table; returns how many rows went, by table."""
        run, who = self._database.run, marks(person_ids)
        run(
            "DELETE FROM awaiting WHERE lookup IN "
            f"(SELECT lookup FROM identifier WHERE person_id IN ({who}))",
            person_ids,
        )
        gone = {"rewriting": run(f"DELETE FROM rewriting WHERE new_person_id IN ({who})", person_ids)}
        for table in (*_OF_PERSON, "person"):
            gone[table] = run(f"DELETE FROM {table} WHERE person_id IN ({who})", person_ids)
        return {table: rows for table, rows in gone.items() if rows}
