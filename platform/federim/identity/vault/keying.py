"""What each column has of the vault key: check a row under one key, make the same row under another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from federim.identity.cipher import VaultCipher
from federim.identity.vault.awaiting import COLUMN as AWAITING
from federim.identity.vault.database import Row
from federim.identity.vault.identifiers import lookup_of
from federim.identity.vault.originals import COLUMN as ORIGINAL
from federim.identity.vault.originals import digest_of
from federim.model.errors import VaultError


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that rows are under, and the one they are to be under; for a check, both are the same."""

    old: VaultCipher
    new: VaultCipher

    def resealed(self, sealed: bytes, column: str, row: str) -> bytes:
        """A sealed value whose row keeps its name."""
        return self.new.seal(self.old.open(sealed, column, row), column, row)


def rekeyed(table: str, rows: Iterable[Row], keys: Keys) -> list[Row]:
    """The same rows of a table under another key.

    Raises
    ------
    VaultError
        A sealed value does not open, or a digest does not stand for what is beside it.
    """
    one = _BY_TABLE[table]
    return [one(row, keys) for row in rows]


def _key_check(row: Row, keys: Keys) -> Row:
    check, *rest = row
    _must_equal("key_check", check, keys.old.check)
    return (keys.new.check, *rest)


def _kept_key(row: Row, keys: Keys) -> Row:
    name, sealed = row
    return name, keys.resealed(sealed, "kept_key.sealed", name)


def _person(row: Row, keys: Keys) -> Row:
    person_id, seed = row
    return person_id, keys.resealed(seed, "person.seed", person_id)


def _token(row: Row, keys: Keys) -> Row:
    person_id, epoch, token = row
    return person_id, epoch, keys.resealed(token, "token.token", f"{person_id}{epoch.hex()}")


def _former_token(row: Row, keys: Keys) -> Row:
    person_id, epoch, digest, sealed = row
    token = keys.old.open(sealed, "former_token.token", digest.hex())
    _must_equal("former_token", digest, keys.old.lookup("former token", token.hex()))
    new = keys.new.lookup("former token", token.hex())
    return person_id, epoch, new, keys.new.seal(token, "former_token.token", new.hex())


def _identifier(row: Row, keys: Keys) -> Row:
    lookup, person_id, oid, sealed_issuer, sealed_value = row
    issuer = keys.old.open(sealed_issuer, "identifier.issuer", lookup.hex())
    value = keys.old.open(sealed_value, "identifier.value", lookup.hex())
    _must_equal("identifier", lookup, lookup_of(keys.old, oid, issuer.decode(), value.decode()))
    new = lookup_of(keys.new, oid, issuer.decode(), value.decode())
    return (
        new,
        person_id,
        oid,
        keys.new.seal(issuer, "identifier.issuer", new.hex()),
        keys.new.seal(value, "identifier.value", new.hex()),
    )


def _awaiting(row: Row, keys: Keys) -> Row:
    lookup, sealed = row
    content = keys.old.open(sealed, AWAITING, lookup.hex())
    oid, issuer, value = json.loads(content)
    _must_equal("awaiting", lookup, lookup_of(keys.old, oid, issuer, value))
    new = lookup_of(keys.new, oid, issuer, value)
    return new, keys.new.seal(content, AWAITING, new.hex())


def _original(row: Row, keys: Keys) -> Row:
    person_id, digest, sealed = row
    content = keys.old.open(sealed, ORIGINAL, digest.hex())
    keyed, _ = json.loads(content)
    _must_equal("original", digest, digest_of(keys.old, keyed))
    new = digest_of(keys.new, keyed)
    return person_id, new, keys.new.seal(content, ORIGINAL, new.hex())


def _rewriting(row: Row, keys: Keys) -> Row:
    old, seed, linked, new = row
    return old, keys.resealed(seed, "rewriting.seed", old), linked, new


def _erasure(row: Row, keys: Keys) -> Row:
    erasure_id, state = row
    return erasure_id, keys.resealed(state, "erasure.state", erasure_id)


def _under_no_key(row: Row, keys: Keys) -> Row:  # noqa: ARG001 — one signature for all tables
    return row


def _must_equal(table: str, found: bytes, expected: bytes) -> None:
    if found != expected:
        raise VaultError(f"vault, {table}: a row was changed outside Federim; restore the site's backup")


_BY_TABLE: Final[dict[str, Callable[[Row, Keys], Row]]] = {
    "key_check": _key_check,
    "kept_key": _kept_key,
    "epoch": _under_no_key,
    "person": _person,
    "token": _token,
    "former_token": _former_token,
    "identifier": _identifier,
    "awaiting": _awaiting,
    "original": _original,
    "rewriting": _rewriting,
    "suppressed": _under_no_key,  # under a kept key
    "erasure": _erasure,
}
