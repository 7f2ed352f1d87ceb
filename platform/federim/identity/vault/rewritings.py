"""Keep account of who has another pseudonym now, until the lake has it too."""

from __future__ import annotations

from dataclasses import dataclass, field

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database
from federim.model.identifiers import Pseudonym

_COLUMN = "rewriting.seed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OldName:
    """What a person was called, and who they are now."""

    person_id: Pseudonym
    seed: bytes = field(repr=False)
    linked: bool
    now: Pseudonym


class Rewritings:
    """Persons whose rows still bear an earlier pseudonym."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self._database = database
        self._cipher = cipher
        self.begun = 0  # through this object: whoever remembers subjects must forget them then

    def begin(self, old: OldName) -> None:
        """Note that a person's rows are to be rewritten. In the caller's transaction."""
        self.begun += 1
        self._database.run(
            "UPDATE rewriting SET new_person_id = ? WHERE new_person_id = ?", (old.now, old.person_id)
        )
        sealed = self._cipher.seal(old.seed, _COLUMN, old.person_id)
        self._database.run(
            "INSERT INTO rewriting (old_person_id, seed, linked, new_person_id) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (old_person_id) DO UPDATE SET new_person_id = excluded.new_person_id",
            (old.person_id, sealed, int(old.linked), old.now),
        )
        # Whoever comes back to the name they had is not to be rewritten at all.
        self._database.run("DELETE FROM rewriting WHERE old_person_id = new_person_id")

    def waiting(self) -> list[OldName]:
        """All that are not done, in a fixed order."""
        rows = self._database.rows(
            "SELECT old_person_id, seed, linked, new_person_id FROM rewriting ORDER BY old_person_id"
        )
        return [
            OldName(
                person_id=Pseudonym(old),
                seed=self._cipher.open(seed, _COLUMN, old),
                linked=bool(linked),
                now=Pseudonym(new),
            )
            for old, seed, linked, new in rows
        ]

    def done(self, old: Pseudonym) -> None:
        """Forget what a person was called. In the caller's transaction."""
        self._database.run("DELETE FROM rewriting WHERE old_person_id = ?", (old,))
