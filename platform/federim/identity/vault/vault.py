"""Open a home's vault: its database, its cipher, and what is kept there, each part with its own file."""

from __future__ import annotations

from typing import Self

from federim.home import Home
from federim.identity.cipher import VaultCipher
from federim.identity.vault.awaiting import Awaiting
from federim.identity.vault.database import Database
from federim.identity.vault.erasures import Erasures
from federim.identity.vault.key import cipher_of, first_key
from federim.identity.vault.originals import Originals
from federim.identity.vault.people import People
from federim.identity.vault.places import check_may_begin, place_of
from federim.identity.vault.rewritings import Rewritings
from federim.identity.vault.schema import VERSION
from federim.identity.vault.suppression import Suppression
from federim.identity.vault.watched import Watched
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
            The vault was written under another key or by another version, is damaged, is open to others,
            or is missing while the lake has persons.
        HomeError
            The key file is missing beside an existing vault, or is no key; `vault_url` cannot be used.
        """
        place = place_of(home)
        if not place.exists():
            check_may_begin(home, place)
            first = VaultCipher(first_key(home))
            place.create(lambda database: _begin(database, first))
        database = place.open()
        try:
            cipher = cipher_of(home, lambda: written_under(database))
        except BaseException:
            database.close()
            raise
        return cls(Watched(database, cipher.check), cipher)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def written_under(database: Database) -> bytes:
    """What tells which key a vault is under.

    Raises
    ------
    IdentityError
        The vault is another version's, or not whole.
    """
    found = database.rows("SELECT * FROM key_check")
    if len(found) != 1 or found[0][1:] != (VERSION,):
        raise IdentityError("the vault was made by another version of Federim; use that one, or its backup")
    digest: bytes = found[0][0]
    return digest


def _begin(database: Database, cipher: VaultCipher) -> None:
    database.run("INSERT INTO key_check (digest, version) VALUES (?, ?)", (cipher.check, VERSION))
    Suppression.begin(database, cipher)
