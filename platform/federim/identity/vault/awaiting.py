"""Remember whose token could not be had, so that nothing told of them is taken for somebody else's."""

from __future__ import annotations

from collections.abc import Iterable

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, marks
from federim.identity.vault.identifiers import lookup, told
from federim.model.identifiers import PatientIdentity


class Awaiting:
    """Identifiers of persons that the key server could not be asked about yet."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def add(self, identities: Iterable[PatientIdentity]) -> None:
        """Have these identities wait."""
        found = {lookup(self._cipher, each) for identity in identities for each in told(identity)}
        with self._database.transaction():
            self._database.many(
                "INSERT INTO awaiting (lookup) VALUES (?) ON CONFLICT DO NOTHING",
                [(each,) for each in sorted(found)],
            )

    def drop(self, identity: PatientIdentity) -> None:
        """They wait no longer. Inside a transaction of the caller's."""
        found = [lookup(self._cipher, each) for each in told(identity)]
        self._database.run(f"DELETE FROM awaiting WHERE lookup IN ({marks(found)})", found)

    def any(self, identity: PatientIdentity) -> bool:
        """Whether one of an identity's identifiers waits."""
        found = [lookup(self._cipher, each) for each in told(identity)]
        query = f"SELECT 1 FROM awaiting WHERE lookup IN ({marks(found)}) LIMIT 1"
        return bool(self._database.rows(query, found))

    def __len__(self) -> int:
        """How many identifiers wait."""
        count: int = self._database.rows("SELECT count(*) FROM awaiting")[0][0]
        return count
