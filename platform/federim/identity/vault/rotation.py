"""Put a vault under a new key, in one transaction that neither a crash nor another process comes into."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from dataclasses import dataclass

from federim.home import Home
from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database
from federim.identity.vault.dump import Progress, dump_header, empty, read_dump, write_dump
from federim.identity.vault.key import adopt_next, cipher_of, from_environment, next_key, rotating
from federim.identity.vault.keying import Keys
from federim.identity.vault.places import place_of
from federim.identity.vault.vault import written_under
from federim.model.errors import IdentityError, StorageFull


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a change of the vault key came to."""

    rows: int
    scrubbed: bool  # nothing under the former key is left in the database's files
    from_environment: bool  # whoever sets the key there has to set the next one


def rotate(home: Home, progress: Progress) -> Rotated:
    """Encrypt and hash every row anew; who has the vault open under the former key is ended by an error.

    The next key is on the disk before any row is under it, and becomes the key only when all rows are:
    killed at any moment, the vault opens, under the one or the other.

    Raises
    ------
    IdentityError
        There is no vault, it cannot be opened, a row is not as it was written, or the environment does not
        give the next key; nothing changed.
    StorageFull
        The disk refuses; nothing changed.
    """
    place = place_of(home)
    if not place.exists():
        raise IdentityError(f"there is no vault in {place.shown} yet; its key is made with it")
    with contextlib.closing(place.open()) as database:
        former = cipher_of(home, lambda: written_under(database))
        with rotating(home):
            if written_under(database) != former.check:
                raise IdentityError("another process has just changed the vault key; nothing else changed")
            following = VaultCipher(next_key(home))
            if following.check == former.check:
                raise IdentityError("the vault is under that key already; make it the key")
            rows = _rewrite(home, database, Keys(former, following), progress)
            adopt_next(home)
        try:
            database.scrub()
            scrubbed = True
        except IdentityError:
            scrubbed = False
    return Rotated(rows=rows, scrubbed=scrubbed, from_environment=from_environment())


def _rewrite(home: Home, database: Database, keys: Keys, progress: Progress) -> int:
    # Rows change their primary keys, so they all leave before the first comes back. The file has no name:
    # nothing of it outlives the process, and it is encrypted.
    try:
        with tempfile.TemporaryFile(dir=home.vault) as file, database.transaction():
            write_dump(database, file, keys, progress)
            file.seek(0)
            header = dump_header(file)
            empty(database)
            return sum(read_dump(database, file, keys.new, header, progress).values())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(
                "vault: the disk is full, and nothing changed; make room and run again"
            ) from None
        raise
