"""Find an identifier without reading it: what stands for it, and for whoever bears it."""

from __future__ import annotations

from federim.identity.cipher import VaultCipher
from federim.model.identifiers import LocalId, NationalId, PatientIdentity

Identifier = LocalId | NationalId


def authority(identifier: Identifier) -> tuple[str | None, str]:
    """The OID if this is an INS, and who issued it in either case."""
    if isinstance(identifier, NationalId):
        return identifier.oid, identifier.oid
    return None, identifier.issuer


def lookup(cipher: VaultCipher, identifier: Identifier) -> bytes:
    """What stands for the identifier in the vault's indexes (32 bytes), one-way without the vault key."""
    oid, issuer = authority(identifier)
    return lookup_of(cipher, oid, issuer, identifier.value)


def lookup_of(cipher: VaultCipher, oid: str | None, issuer: str, value: str) -> bytes:
    """See `lookup`; of an identifier in its parts, as the vault keeps it."""
    return cipher.lookup("local" if oid is None else "national", issuer, value)


def told(identity: PatientIdentity) -> tuple[Identifier, ...]:
    """All identifiers of an identity, the INS last."""
    national = () if identity.national is None else (identity.national,)
    return (*identity.local, *national)
