"""Keep each linked person's token of each epoch, and of each INS that another one followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from federim.identity.cipher import VaultCipher
from federim.identity.ins import NIA, NIR
from federim.identity.vault.database import Database, chunks, marks
from federim.model.identifiers import IdentityStatus, Ins, NationalId, Pseudonym

# Whose token a person has who has several INS: a waiting number gives way to the number that follows it.
_RANK: Final = {NIR: 0, NIA: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A linked person, and one of their INS."""

    person_id: Pseudonym
    national: NationalId = field(repr=False)
    former: bool  # another one followed it


class Tokens:
    """The tokens of a vault, which are national identifiers in effect."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def count(self, epoch: bytes) -> int:
        """How many persons have a token of the epoch (its public key)."""
        query = "SELECT count(*) FROM token WHERE key_server = ?"
        found: int = self._database.rows(query, (epoch,))[0][0]
        return found

    def count_without(self, epoch: bytes) -> int:
        """How many linked persons have none."""
        query = f"SELECT count(DISTINCT person_id) FROM token WHERE {_WITHOUT}"
        found: int = self._database.rows(query, (epoch,))[0][0]
        return found

    def without(self, epoch: bytes, *, after: str, most: int) -> list[Pseudonym]:
        """Linked persons who have none, in a fixed order that goes on after a given one."""
        query = (
            f"SELECT DISTINCT person_id FROM token WHERE {_WITHOUT} AND person_id > ? "
            "ORDER BY person_id LIMIT ?"
        )
        return [person_id for (person_id,) in self._database.rows(query, (epoch, after, most))]

    def bearers(self, person_ids: Sequence[Pseudonym]) -> list[Bearer]:
        """The INS of these persons, each in its one spelling."""
        found: list[Bearer] = []
        for names in chunks(person_ids):
            query = (
                "SELECT person_id, oid, lookup, value FROM identifier "
                f"WHERE oid IS NOT NULL AND person_id IN ({marks(names)})"
            )
            rows = sorted(
                self._database.rows(query, names), key=lambda row: (row[0], _RANK.get(row[1], 2), row[1])
            )
            before = None
            for person_id, oid, lookup, sealed in rows:
                value = Ins(self._cipher.open(sealed, "identifier.value", lookup.hex()).decode())
                national = NationalId(oid=oid, value=value, status=IdentityStatus.QUALIFIED)
                found.append(Bearer(person_id=person_id, national=national, former=person_id == before))
                before = person_id
        return found

    def add(self, epoch: bytes, told: Sequence[tuple[Bearer, bytes]]) -> int:
        """Keep tokens of an epoch, in one transaction; returns how many persons have theirs from it.

        Who left the vault since they were listed has none.
        """
        with self._database.transaction():
            here = self._still_here([bearer.person_id for bearer, _ in told])
            kept = [(bearer, token) for bearer, token in told if bearer.person_id in here]
            now = [(bearer.person_id, token) for bearer, token in kept if not bearer.former]
            self._database.many(
                "INSERT INTO token (person_id, key_server, token) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (name, epoch, self._cipher.seal(token, "token.token", f"{name}{epoch.hex()}"))
                    for name, token in now
                ],
            )
            self._database.many(
                "INSERT INTO former_token (person_id, key_server, digest, token) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                [
                    (
                        bearer.person_id,
                        epoch,
                        digest,
                        self._cipher.seal(token, "former_token.token", digest.hex()),
                    )
                    for bearer, token in kept
                    if bearer.former
                    for digest in (self._cipher.lookup("former token", token.hex()),)
                ],
            )
        return len(now)

    def _still_here(self, person_ids: Sequence[Pseudonym]) -> set[Pseudonym]:
        found: set[Pseudonym] = set()
        for names in chunks(person_ids):
            query = f"SELECT person_id FROM person WHERE person_id IN ({marks(names)})"
            found.update(person_id for (person_id,) in self._database.rows(query, names))
        return found


_WITHOUT: Final = "person_id NOT IN (SELECT person_id FROM token WHERE key_server = ?)"
