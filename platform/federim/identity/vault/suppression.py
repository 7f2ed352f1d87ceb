"""Know again who objected, from digests that name nobody."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Final, NamedTuple

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, chunks, marks
from federim.identity.vault.identifiers import Identifier, authority, told
from federim.keys import ROOT_KEY_BYTES, keyed
from federim.model.identifiers import PatientIdentity, Pseudonym

_KEY: Final = "suppression"
_COLUMN: Final = "kept_key.sealed"
_TOGETHER_BYTES: Final = 16


class Word(NamedTuple):
    """What an opposition is about, and whose word it is."""

    project: str = ""  # all research
    told_by: str = ""  # this site


class Suppression:
    """The list of those who object: to all research, or to one project."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def of_identity(self, identity: PatientIdentity) -> list[bytes]:
        """The digests of an identity's identifiers."""
        return [self.of_identifier(each) for each in told(identity)]

    def of_identifier(self, identifier: Identifier) -> bytes:
        """The digest of one identifier; an INS has the same whether or not it was qualified."""
        return keyed(self._key, "identifier", authority(identifier)[1], identifier.value)

    def of_person(self, person_id: Pseudonym) -> bytes:
        """The digest of a person by their pseudonym: who objects to a project stays in the vault."""
        return keyed(self._key, "person", person_id)

    def of_audit(self, person_id: Pseudonym) -> bytes:
        """What stands for a person in registers and the audit trail."""
        return keyed(self._key, "audit", person_id)

    def of_notice(self, notice: bytes) -> bytes:
        """The digest of what another site wrote of somebody whom this one may never see."""
        return keyed(self._key, "notice", notice)

    def among(self, digests: Collection[bytes], project: str = "") -> set[bytes]:
        """Of these digests, the ones on the list."""
        found: set[bytes] = set()
        for chunk in chunks(list(digests)):
            query = f"SELECT digest FROM suppressed WHERE project = ? AND digest IN ({marks(chunk)})"
            found |= {digest for (digest,) in self._database.rows(query, (project, *chunk))}
        return found

    def known(self, digests: Collection[bytes]) -> set[bytes]:
        """Of these digests, the ones on the list for anything."""
        found: set[bytes] = set()
        for chunk in chunks(list(digests)):
            query = f"SELECT digest FROM suppressed WHERE digest IN ({marks(chunk)})"
            found |= {digest for (digest,) in self._database.rows(query, chunk)}
        return found

    def words(self, digests: Collection[bytes]) -> set[Word]:
        """Every opposition that one of these digests, which are one person's, is on the list for."""
        asked = list(digests)
        query = f"SELECT DISTINCT project, told_by FROM suppressed WHERE digest IN ({marks(asked)})"
        return {Word(*row) for row in self._database.rows(query, asked)}

    def add(self, digests: Iterable[bytes], word: Word = Word()) -> bytes:
        """Put the digests of one person on the list; what is there of them already comes together with them.

        In the caller's transaction.

        Returns
        -------
        bytes
            What all of them are lifted by.
        """
        asked = sorted(set(digests))
        groups = self._groups(asked, word)
        together = groups[0] if groups else secrets.token_bytes(_TOGETHER_BYTES)
        for other in groups[1:]:
            self._database.run("UPDATE suppressed SET together = ? WHERE together = ?", (together, other))
        self._database.many(
            "INSERT INTO suppressed (digest, project, told_by, together) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            [(digest, *word, together) for digest in asked],
        )
        return together

    def lift(self, digests: Iterable[bytes], word: Word = Word()) -> int:
        """Take a person off the list, by any of their digests; returns how many there were of them.

        In the caller's transaction.
        """
        return sum(
            self._database.run("DELETE FROM suppressed WHERE together = ?", (together,))
            for together in self._groups(sorted(set(digests)), word)
        )

    def carry(self, old: Pseudonym, new: Pseudonym) -> None:
        """Have a person's oppositions follow them to another pseudonym. In the caller's transaction."""
        digest = self.of_person(old)
        for word in sorted(self.words([digest])):
            self.add([digest, self.of_person(new)], word)

    def _groups(self, digests: Collection[bytes], word: Word) -> list[bytes]:
        found: set[bytes] = set()
        for chunk in chunks(list(digests)):
            query = (
                "SELECT DISTINCT together FROM suppressed WHERE project = ? AND told_by = ? "
                f"AND digest IN ({marks(chunk)})"
            )
            found |= {together for (together,) in self._database.rows(query, (*word, *chunk))}
        return sorted(found)

    @classmethod
    def begin(cls, database: Database, cipher: VaultCipher) -> None:
        """Make the key of an empty vault's list. In the caller's transaction.

        What it hashed is forgotten, so it outlives the vault key, which only seals it anew.
        """
        sealed = cipher.seal(secrets.token_bytes(ROOT_KEY_BYTES), _COLUMN, _KEY)
        database.run("INSERT INTO kept_key (name, sealed) VALUES (?, ?)", (_KEY, sealed))

    @cached_property
    def _key(self) -> bytes:
        [(sealed,)] = self._database.rows("SELECT sealed FROM kept_key WHERE name = ?", (_KEY,))
        return self._cipher.open(sealed, _COLUMN, _KEY)
