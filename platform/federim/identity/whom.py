"""Find whom a right is exercised for: by INS, by a number of an institution, by a pseudonym."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from federim.home import Home
from federim.identity import ins
from federim.identity.canonical import Canonical
from federim.identity.subjects import PSEUDONYM_DIGITS, pseudonym
from federim.identity.vault.database import marks
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.identifiers import Identifier, lookup
from federim.identity.vault.vault import Vault
from federim.model.errors import IdentityError
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    NationalId,
    PatientIdentity,
    Pseudonym,
)

_PERSONS_AT_A_TIME: Final = 10_000
_PSEUDONYM: Final = re.compile(f"[0-9a-f]{{{PSEUDONYM_DIGITS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKey:
    """What a project's pseudonyms are made with at this site."""

    project: str
    key: bytes = field(repr=False)
    epoch: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Who was asked for, and whom the vault knows as that."""

    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)
    pseudonym: Pseudonym | None = field(default=None, repr=False)
    person_id: Pseudonym | None = field(default=None, repr=False)

    @property
    def nationals(self) -> tuple[NationalId, ...]:
        """The INS told, under each authority it may be of."""
        return tuple(each for each in self.identifiers if isinstance(each, NationalId))


class Finder:
    """Looks persons up in one vault; it changes nothing, and asks no key server."""

    def __init__(self, home: Home, vault: Vault) -> None:
        self._canonical = Canonical(home.settings)
        self._vault = vault
        self._epochs = Epochs(vault.database)

    def by_ins(self, written: str) -> Whom:
        """Whoever has an INS, which says not of which authority it is.

        Raises
        ------
        IdentityError
            It is no INS, or different persons have it under different authorities.
        """
        value = ins.parse(written)
        found: list[Identifier] = []
        for oid in ins.AUTHORITIES:
            found.append(NationalId(oid=oid, value=value, status=IdentityStatus.QUALIFIED))
            # What came without being qualified is kept as a number like any other.
            found.append(LocalId(issuer=oid, value=Ipp(value)))
        return self._among(found)

    def by_ipp(self, value: str, issuer: str = "") -> Whom:
        """Whoever has an institution's number; the issuer "" is this site's own register.

        Raises
        ------
        IdentityError
            The number is blank.
        """
        told = PatientIdentity(local=(LocalId(issuer=issuer, value=Ipp(value)),))
        identity, _ = self._canonical.identity(told)
        return self._among(list(identity.local))

    def by_pseudonym(self, written: str, projects: Sequence[ProjectKey] = ()) -> Whom:
        """Whoever has a pseudonym in the lake, or in one of these projects.

        Raises
        ------
        IdentityError
            It is no pseudonym.
        """
        if not _PSEUDONYM.fullmatch(written):
            raise IdentityError(f"a pseudonym is {PSEUDONYM_DIGITS} lower-case hexadecimal digits")
        wanted = Pseudonym(written)
        if self._vault.people.named([wanted]):
            return Whom(pseudonym=wanted, person_id=wanted)
        return Whom(pseudonym=wanted, person_id=self._in_projects(wanted, projects))

    def _in_projects(self, wanted: Pseudonym, projects: Sequence[ProjectKey]) -> Pseudonym | None:
        for persons in self._everybody() if projects else ():
            for each in projects:
                epoch = each.epoch if each.epoch is not None else self._epochs.newest()
                for person_id, secret in self._vault.people.secrets(persons, epoch).items():
                    if pseudonym(each.key, secret) == wanted:
                        return person_id
        return None

    def _everybody(self) -> Iterator[list[Pseudonym]]:
        last = ""
        while page := self._vault.erasures.persons(last, _PERSONS_AT_A_TIME):
            yield page
            last = page[-1]

    def _among(self, identifiers: Sequence[Identifier]) -> Whom:
        keys = [lookup(self._vault.cipher, each) for each in identifiers]
        query = f"SELECT DISTINCT person_id FROM identifier WHERE lookup IN ({marks(keys)})"
        found = [person_id for (person_id,) in self._vault.database.rows(query, keys)]
        if len(found) > 1:
            raise IdentityError(
                "different persons of the vault have this number under different authorities; "
                "name one by a number of the site, or by a pseudonym"
            )
        return Whom(identifiers=tuple(identifiers), person_id=Pseudonym(found[0]) if found else None)
