"""Know again who objected, from digests that name nobody."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from functools import cached_property

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, chunks, marks
from federim.identity.vault.identifiers import authority, told
from federim.keys import ROOT_KEY_BYTES, keyed
from federim.model.identifiers import PatientIdentity, Pseudonym

_KEY = "suppression"
_COLUMN = "kept_key.sealed"


class Suppression:
    """The list of those who object: to all research, or to one project."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def of_identity(self, identity: PatientIdentity) -> list[bytes]:
        """The digests of an identity's identifiers."""
        return [keyed(self._key, "identifier", authority(each)[1], each.value) for each in told(identity)]

    def of_person(self, person_id: Pseudonym) -> bytes:
        """The digest of a person who stays in the vault, and objects to a project."""
        return keyed(self._key, "person", person_id)

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

    def add(self, digests: Iterable[bytes], project: str = "") -> None:
        """Put digests on the list. In the caller's transaction."""
        self._database.many(
            "INSERT INTO suppressed (digest, project) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(digest, project) for digest in digests],
        )

    def lift(self, digests: Collection[bytes], project: str = "") -> int:
        """Take digests off the list; returns how many were on it. In the caller's transaction."""
        asked = list(digests)
        return self._database.run(
            f"DELETE FROM suppressed WHERE project = ? AND digest IN ({marks(asked)})", (project, *asked)
        )

    @cached_property
    def _key(self) -> bytes:
        """Made once: what it hashed is forgotten, so it outlives the vault key, which only seals it anew."""
        if not (held := self._held()):
            sealed = self._cipher.seal(secrets.token_bytes(ROOT_KEY_BYTES), _COLUMN, _KEY)
            self._database.run(
                "INSERT INTO kept_key (name, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING", (_KEY, sealed)
            )
            held = self._held()  # another process may have been first
        return self._cipher.open(held[0][0], _COLUMN, _KEY)

    def _held(self) -> list[tuple[bytes]]:
        return self._database.rows("SELECT sealed FROM kept_key WHERE name = ?", (_KEY,))
