"""Open a home's vault: its database, its cipher, and what is kept there, each part with its own file."""

from __future__ import annotations

from typing import Self

from federim.home import Home
from federim.identity.cipher import KEY_VARIABLE, VaultCipher, vault_key
from federim.identity.vault.awaiting import Awaiting
from federim.identity.vault.database import Database
from federim.identity.vault.erasures import Erasures
from federim.identity.vault.originals import Originals
from federim.identity.vault.people import People
from federim.identity.vault.rewritings import Rewritings
from federim.identity.vault.sqlite import NAME, SqliteDatabase
from federim.identity.vault.suppression import Suppression
from federim.model.errors import IdentityError


class Vault:
    """A home's identities, open in one process and thread; any number of processes may have it open."""

    def __init__(self, database: Database, cipher: VaultCipher) -> None:
        self.database = database
        self.cipher = cipher
        self.rewritings = Rewritings(database, cipher)
        self.people = People(database, cipher, self.rewritings)
        self.awaiting = Awaiting(database, cipher)
        self.originals = Originals(database, cipher)
        self.suppression = Suppression(database, cipher)
        self.erasures = Erasures(database, cipher)

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the home's vault, made on first use.

        Raises
        ------
        IdentityError
            The vault was written under another key, or its file is damaged.
        HomeError
            The key file is missing beside an existing vault, or is no key.
        """
        path = home.vault / "identities.sqlite3"
        fresh = not path.exists()
        cipher = VaultCipher(vault_key(home, fresh=fresh))
        if fresh:
            SqliteDatabase.create(path, cipher.check)
        database = SqliteDatabase.open(path)
        try:
            if database.rows("SELECT digest FROM key_check") != [(cipher.check,)]:
                raise IdentityError(
                    f"{NAME} was written under another vault key; "
                    f"restore keys/vault.key, or {KEY_VARIABLE}, from the site's backup"
                )
        except BaseException:
            database.close()
            raise
        return cls(database, cipher)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()
