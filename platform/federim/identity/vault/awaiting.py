"""Remember whose token could not be had, so that nothing told of them is taken for somebody else's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, chunks, marks
from federim.identity.vault.identifiers import Identifier, authority, lookup, told
from federim.model.identifiers import PatientIdentity

COLUMN: Final = "awaiting.sealed"


class Awaiting:
    """Identifiers of persons that the key server could not be asked about yet."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def add(self, identities: Iterable[PatientIdentity]) -> None:
        """Have these identities wait."""
        found = {lookup(self._cipher, each): each for identity in identities for each in told(identity)}
        with self._database.transaction():
            self._database.many(
                "INSERT INTO awaiting (lookup, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(key, self._sealed(key, each)) for key, each in sorted(found.items(), key=itemgetter(0))],
            )

    def drop(self, identities: Iterable[PatientIdentity]) -> None:
        """They wait no longer. Inside a transaction of the caller's."""
        if not len(self):
            return
        found = {lookup(self._cipher, each) for identity in identities for each in told(identity)}
        for chunk in chunks(sorted(found)):
            self._database.run(f"DELETE FROM awaiting WHERE lookup IN ({marks(chunk)})", chunk)

    def clear(self) -> None:
        """Nobody waits any longer."""
        with self._database.transaction():
            self._database.run("DELETE FROM awaiting")

    def any(self, identity: PatientIdentity) -> bool:
        """Whether one of an identity's identifiers waits."""
        found = [lookup(self._cipher, each) for each in told(identity)]
        query = f"SELECT 1 FROM awaiting WHERE lookup IN ({marks(found)}) LIMIT 1"
        return bool(self._database.rows(query, found))

    def _sealed(self, key: bytes, identifier: Identifier) -> bytes:
        # A new vault key needs another lookup, so what it stands for is kept.
        content = json.dumps([*authority(identifier), identifier.value]).encode()
        return self._cipher.seal(content, COLUMN, key.hex())

    def __len__(self) -> int:
        """How many identifiers wait."""
        count: int = self._database.rows("SELECT count(*) FROM awaiting")[0][0]
        return count
