"""Remember what each keyed value of a person stands for, sealed, so that they can be keyed anew."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Final

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, chunks, marks
from federim.model.identifiers import Pseudonym

COLUMN: Final = "original.sealed"


class Originals:
    """Keyed value → original, by person."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher

    def add(self, told: Mapping[Pseudonym, Mapping[str, str]]) -> None:
        """Remember them, in one transaction; those that are remembered already change nothing."""
        with self._database.transaction():
            self._database.many(
                "INSERT INTO original (person_id, digest, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [
                    (person_id, digest, self._cipher.seal(content, COLUMN, digest.hex()))
                    for person_id, values in told.items()
                    for keyed, original in values.items()
                    for digest, content in (
                        (digest_of(self._cipher, keyed), json.dumps([keyed, original]).encode()),
                    )
                ],
            )

    def of(self, person_id: Pseudonym) -> dict[str, str]:
        """All of one person's."""
        rows = self._database.rows("SELECT digest, sealed FROM original WHERE person_id = ?", (person_id,))
        return dict(json.loads(self._cipher.open(sealed, COLUMN, digest.hex())) for digest, sealed in rows)

    def drop(self, person_id: Pseudonym, keyed: Collection[str]) -> int:
        """Remember some of a person's no more; returns how many there were. In the caller's transaction."""
        dropped = 0
        for digests in chunks([digest_of(self._cipher, each) for each in sorted(keyed)]):
            dropped += self._database.run(
                f"DELETE FROM original WHERE person_id = ? AND digest IN ({marks(digests)})",
                (person_id, *digests),
            )
        return dropped

    def forget(self, person_id: Pseudonym) -> int:
        """Remember none of a person's any more; returns how many there were. In the caller's transaction."""
        return self._database.run("DELETE FROM original WHERE person_id = ?", (person_id,))


def digest_of(cipher: VaultCipher, keyed: str) -> bytes:
    """What a keyed value is found by (16 bytes)."""
    return cipher.lookup("original", keyed)[:16]
