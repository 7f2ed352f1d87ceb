"""Homes whose vault is in one database or the other, and the patients they are told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from federim.home import Home, Role
from federim.identity import ins
from federim.identity.vault.database import Database
from federim.identity.vault.places import place_of
from federim.identity.vault.schema import TABLES
from federim.identity.vault.vault import Vault
from federim.model.identifiers import IdentityStatus, Ipp, LocalId, NationalId, PatientIdentity

VaultHome = Callable[..., Home]


def patient(number: int, *, oid: str | None = ins.NIR) -> PatientIdentity:
    """An invented patient: an IPP, and an INS unless `oid` is None."""
    national = None
    if oid is not None:
        value = ins.with_key(f"28505780{number:05d}")
        national = NationalId(oid=oid, value=value, status=IdentityStatus.QUALIFIED)
    return PatientIdentity(local=(LocalId(issuer="", value=Ipp(f"IPP-{number}")),), national=national)


@contextmanager
def raw_database(home: Home) -> Iterator[Database]:
    """The home's database as no command opens it: nothing watches the key."""
    database = place_of(home).open()
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_vault(home: Home) -> Iterator[Vault]:
    """The home's vault."""
    vault = Vault.open(home)
    try:
        yield vault
    finally:
        vault.close()


def contents(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the home's vault, as it is stored."""
    with raw_database(home) as database:
        return {
            name: sorted(database.rows(f"SELECT {', '.join(table.columns)} FROM {name}"), key=repr)
            for name, table in TABLES.items()
        }


def copy_of(home: Home, root: Path, **settings: str) -> Home:
    """Another folder with this home's keys, and without its vault."""
    made = Home.create(root, role=Role.SITE, name=home.settings.name, **settings)
    for key in home.keys.glob("*.key"):
        (made.keys / key.name).unlink(missing_ok=True)
        (made.keys / key.name).write_bytes(key.read_bytes())
        (made.keys / key.name).chmod(0o600)
    return Home.open(made.root)
