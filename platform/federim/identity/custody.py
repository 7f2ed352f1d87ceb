"""Look after a home's vault without looking into it: what is there, is it whole, copies of it, its key."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from federim.home import Home, Role
from federim.identity.subjects import pseudonym
from federim.identity.vault import backup, rotation
from federim.identity.vault.backup import BackedUp
from federim.identity.vault.database import Row
from federim.identity.vault.dump import Progress, counts
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.key import from_environment
from federim.identity.vault.keying import Keys, rekeyed
from federim.identity.vault.places import place_of
from federim.identity.vault.rotation import Rotated
from federim.identity.vault.schema import TABLES
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError

__all__ = ["BackedUp", "Checked", "Info", "Rotated", "back_up", "check", "info", "restore", "rotate_key"]

_KEY_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """A vault in numbers."""

    place: str
    bytes: int
    key: str  # 16 hexadecimal digits that tell one vault key from another; a backup's first line begins so
    key_from: str
    rows: Mapping[str, int]  # by table
    linked: int  # persons whom other sites recognise
    epochs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of reading every row of a vault."""

    rows: int
    sound: bool  # what the database finds of its own files
    changed: Mapping[str, int] = field(default_factory=dict)  # rows not as they were written, by table
    strange: int = 0  # persons whose pseudonym this home's root key does not make

    @property
    def ok(self) -> bool:
        """Whether all is as it was written."""
        return self.sound and not self.changed and not self.strange


def info(home: Home) -> Info:
    """What the vault holds, in numbers; there is none until an identity is learned.

    Raises
    ------
    HomeError, IdentityError
        As `Vault.open`.
    """
    with contextlib.closing(_existing(home)) as vault:
        query = "SELECT count(DISTINCT person_id) FROM token"
        return Info(
            place=place_of(home).shown,
            bytes=vault.database.size(),
            key=vault.cipher.check.hex()[:_KEY_DIGITS],
            key_from="environment" if from_environment() else "keys/vault.key",
            rows=counts(vault.database),
            linked=vault.database.rows(query)[0][0],
            epochs=tuple(sorted(Epochs(vault.database).known().values())),
        )


def check(home: Home, progress: Progress) -> Checked:
    """Open every sealed value, and hash every looked-up one again; the vault does not change.

    Raises
    ------
    HomeError, IdentityError
        As `Vault.open`; also where a page of the database cannot be read at all.
    """
    with contextlib.closing(_existing(home)) as vault, vault.database.reading():
        sound = vault.database.sound()
        changed: dict[str, int] = {}
        rows = strange = 0
        keys = Keys(vault.cipher, vault.cipher)
        person_key = home.secret("person-id")
        for name, table in TABLES.items():
            for page in vault.database.pages(f"SELECT {', '.join(table.columns)} FROM {name}"):
                rows += len(page)
                failed = sum(not _holds(name, row, keys) for row in page)
                if failed:
                    changed[name] = changed.get(name, 0) + failed
                elif name == "person":
                    seeds = ((who, vault.cipher.open(seed, "person.seed", who)) for who, seed in page)
                    strange += sum(pseudonym(person_key, seed) != who for who, seed in seeds)
                progress(len(page))
    return Checked(rows=rows, sound=sound, changed=changed, strange=strange)


def back_up(home: Home, path: Path, progress: Progress) -> BackedUp:
    """See `federim.identity.vault.backup.back_up`."""
    _existing(home).close()
    return backup.back_up(home, path, progress)


def restore(home: Home, path: Path, *, replace: bool, progress: Progress) -> BackedUp:
    """See `federim.identity.vault.backup.restore`."""
    return backup.restore(home.require(Role.SITE), path, replace=replace, progress=progress)


def rotate_key(home: Home, progress: Progress) -> Rotated:
    """See `federim.identity.vault.rotation.rotate`."""
    return rotation.rotate(home.require(Role.SITE), progress)


def _existing(home: Home) -> Vault:
    place = place_of(home.require(Role.SITE))
    if not place.exists():
        raise IdentityError(
            f"there is no vault in {place.shown}: it is made when an identity is first learned"
        )
    return Vault.open(home)


def _holds(name: str, row: Row, keys: Keys) -> bool:
    try:
        rekeyed(name, [row], keys)
    except IdentityError:
        return False
    return True
