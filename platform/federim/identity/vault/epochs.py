"""Remember which epochs of the key server this site has accepted."""

from __future__ import annotations

from collections.abc import Mapping

from federim.identity.vault.database import Database
from federim.model.errors import IdentityError


class Epochs:
    """Epochs by public key; the persons of a vault are linked under these and no others."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> dict[bytes, int]:
        """Public key → number."""
        return dict(self._database.rows("SELECT key_server, number FROM epoch"))

    def newest(self) -> bytes | None:
        """The public key of the newest; None where nobody was ever linked."""
        found = self.known()
        return max(found, key=lambda public: found[public]) if found else None

    def accept(self, announced: Mapping[bytes, int]) -> None:
        """Accept what the key server announces: the first one met, and whatever opens beside a known one.

        Raises
        ------
        IdentityError
            None of its epochs is known here: it is another key server.
        """
        known = self.known()
        if known and not known.keys() & announced.keys():
            raise IdentityError(
                "vault: its persons were linked by another key server; set key_server back, or new ones "
                "would not be recognised where the others are"
            )
        missing = announced.keys() - known.keys()
        if missing:
            self._database.many(
                "INSERT INTO epoch (key_server, number) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(public, announced[public]) for public in sorted(missing)],
            )
