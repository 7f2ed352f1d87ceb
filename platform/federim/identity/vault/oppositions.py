"""Have a restored backup undo no opposition: who objects now objects afterwards, and is not brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, Row
from federim.identity.vault.erasures import Erasures
from federim.identity.vault.suppression import Suppression
from federim.model.errors import IdentityError
from federim.model.identifiers import Pseudonym

_PERSONS_AT_A_TIME: Final = 1_000
_COLUMNS: Final = "digest, project, told_by, together"


@dataclass(frozen=True, slots=True)
class Standing:
    """The oppositions of a vault whose other rows are about to be replaced."""

    listed: Sequence[Row]
    key: bytes | None  # what they were hashed with

    @classmethod
    def read(cls, database: Database, cipher: VaultCipher) -> Self:
        """What stands in a vault. Inside `transaction`.

        Raises
        ------
        IdentityError
            An erasure is not complete, or the list is under another vault key than the backup.
        """
        if database.rows("SELECT 1 FROM erasure LIMIT 1"):
            raise IdentityError(
                "an erasure is under way in the vault; run federim forget again to complete it"
            )
        listed = database.rows(f"SELECT {_COLUMNS} FROM suppressed")
        if listed and database.rows("SELECT digest FROM key_check") != [(cipher.check,)]:
            raise IdentityError(
                f"the vault in place is under another key than the backup, and its {len(listed)} oppositions "
                "would be lost; to lose them, move that one away first"
            )
        return cls(listed, _kept_key(database, cipher) if listed else None)

    def carry_into(self, database: Database, cipher: VaultCipher) -> int:
        """Make it the restored vault's list. Inside the same `transaction`.

        Returns
        -------
        int
            How many persons of the backup object since, and were left out.

        Raises
        ------
        IdentityError
            The backup is not one of this vault's, so the list would mean nothing there.
        """
        if self.key is None:
            return 0
        if _kept_key(database, cipher) != self.key:
            raise IdentityError(
                f"the backup is another vault's, and the {len(self.listed)} oppositions of the one in place "
                "would be lost; to lose them, move that one away first"
            )
        database.run("DELETE FROM suppressed")
        database.many(f"INSERT INTO suppressed ({_COLUMNS}) VALUES (?, ?, ?, ?)", self.listed)
        return _leave_out_listed(Suppression(database, cipher), Erasures(database, cipher))


def _kept_key(database: Database, cipher: VaultCipher) -> bytes:
    rows = database.rows("SELECT name, sealed FROM kept_key WHERE name = 'suppression'")
    return b"".join(cipher.open(sealed, "kept_key.sealed", name) for name, sealed in rows)


def _leave_out_listed(listed: Suppression, persons: Erasures) -> int:
    count, last = 0, ""
    while page := persons.persons(last, _PERSONS_AT_A_TIME):
        last = page[-1]
        bearers: dict[bytes, Pseudonym] = {}
        for person_id in page:
            numbers = [listed.of_identifier(each) for each in persons.identifiers(person_id)]
            bearers.update(dict.fromkeys([listed.of_person(person_id), *numbers], person_id))
        objecting = sorted({bearers[digest] for digest in listed.among(bearers)})
        if objecting:
            persons.remove(objecting)
        count += len(objecting)
    return count
