"""Put a whole vault into one encrypted file, and a vault back from it."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from federim.home import Home
from federim.identity.cipher import VaultCipher
from federim.identity.keyfile import sync_folder
from federim.identity.vault.database import Database
from federim.identity.vault.dump import Header, Progress, dump_header, empty, read_dump, write_dump
from federim.identity.vault.key import find
from federim.identity.vault.keying import Keys
from federim.identity.vault.oppositions import Standing
from federim.identity.vault.places import place_of
from federim.identity.vault.vault import Vault
from federim.keys import write_private
from federim.model.errors import IdentityError, InputError, StorageFull

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What a backup holds, or what was restored from one."""

    made_at: str  # UTC
    rows: int
    persons: int
    left_out: int = 0  # persons in the backup who object by now


def back_up(home: Home, path: Path, progress: Progress) -> BackedUp:
    """Write a backup of the vault as it is at one moment; others may write meanwhile.

    Raises
    ------
    InputError
        The file exists, or cannot be written there.
    IdentityError
        The vault cannot be opened, or a row of it is not as it was written: there is no backup of that.
    StorageFull
        The disk refuses; no file is left.
    """
    if path.exists():
        raise InputError(f"{path} exists; choose another name: a backup is never replaced")
    with contextlib.closing(Vault.open(home)) as vault, _written(path) as file:
        with vault.database.reading():
            found = write_dump(vault.database, file, Keys(vault.cipher, vault.cipher), progress)
        file.seek(0)
        header = dump_header(file)
    return BackedUp(made_at=header.made_at, rows=header.rows, persons=found["person"])


def restore(home: Home, path: Path, *, replace: bool, progress: Progress) -> BackedUp:
    """Make the home's vault what a backup holds, whole or not at all, in the database that the home names.

    Parameters
    ----------
    replace : bool
        A vault that is there may go. Whoever objects in it is left out of what is restored.

    Raises
    ------
    InputError
        The file cannot be read.
    IdentityError
        It is no whole backup, or under another key than the home's; there is a vault, or one whose
        oppositions or erasures would be lost.
    StorageFull
        The disk refuses; nothing changed.
    """
    place = place_of(home)
    with _read(path) as file:
        header = dump_header(file)
        cipher = find(home, header.key)
        if cipher is None:
            raise IdentityError(
                "the backup is under another vault key than this home's; put the key it was made under "
                "in place"
            )
        restored: list[BackedUp] = []
        if not place.exists():
            place.create(lambda database: restored.append(_fill(database, file, cipher, header, progress)))
        elif replace:
            with contextlib.closing(place.open()) as database:
                with database.transaction():
                    standing = Standing.read(database, cipher)
                    empty(database)
                    filled = _fill(database, file, cipher, header, progress)
                    left_out = standing.carry_into(database, cipher)
                    restored.append(dataclasses.replace(filled, left_out=left_out))
                database.scrub()
    if not restored:
        raise IdentityError(
            f"there is a vault in {place.shown}; add --replace to lose what it learned since the backup"
        )
    return restored[0]


def _fill(
    database: Database, file: BinaryIO, cipher: VaultCipher, header: Header, progress: Progress
) -> BackedUp:
    found = read_dump(database, file, cipher, header, progress)
    return BackedUp(made_at=header.made_at, rows=sum(found.values()), persons=found["person"])


@contextlib.contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file that is there whole, and its owner's alone, or not there."""
    pending = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_private(pending, b"")
        with pending.open("r+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        pending.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(f"{path}: the disk is full; choose another one") from None
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            pending.unlink()


@contextlib.contextmanager
def _read(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        yield file
