"""The door for what is too old: by how much a person's dates were moved, and whom the vault is to forget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Self

from federim.home import Home, Role
from federim.identity.subjects import LONGEST_SHIFT_DAYS, shift_days
from federim.identity.vault.vault import Vault
from federim.model.identifiers import Pseudonym


class Retention:
    """What a purge asks of a vault. A context manager; `close` does the same."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the home's vault.

        Raises
        ------
        HomeError
            Not a site's home, or a key file is missing.
        IdentityError
            The vault was written under another key.
        """
        return cls(Vault.open(home.require(Role.SITE)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the vault."""
        self._vault.close()

    def shifts(self, person_ids: Collection[Pseudonym]) -> dict[Pseudonym, int]:
        """By how many days each person's dates were moved from the true ones, whatever they are called now.

        Of whom the vault does not know it is the longest there is: their facts seem younger than they are
        by no more than that, so that nothing goes before its time.
        """
        seeds = {old.person_id: old.seed for old in self._vault.rewritings.waiting()}
        seeds |= {name: known.seed for name, known in self._vault.people.named(sorted(person_ids)).items()}
        return {
            person_id: shift_days(seeds[person_id]) if person_id in seeds else -LONGEST_SHIFT_DAYS
            for person_id in person_ids
        }

    def forget(
        self,
        gone: Collection[Pseudonym],
        keyed: Mapping[Pseudonym, Collection[str]],
        held: Callable[[Collection[Pseudonym]], Collection[Pseudonym]],
    ) -> int:
        """Forget persons of whom nothing is left, and what keyed values stand for that nothing says any more.

        Nobody is put on the list of those who object. The same again changes nothing.

        Parameters
        ----------
        gone : names in the lake of persons who have no row under them any more
        keyed : by person who stays
        held : callable
            Of some names, those that have rows.

        Returns
        -------
        int
            Persons forgotten; who still has rows under another name is not.

        Raises
        ------
        IdentityError
            Another program reads the vault, so that its files cannot be rid of what was forgotten.
        """
        now = {old.person_id: old.now for old in self._vault.rewritings.waiting()}
        names = {
            person: (person, *self._vault.erasures.earlier_names(person))
            for person in sorted({now.get(name, name) for name in gone})
        }
        still = frozenset(held([name for theirs in names.values() for name in theirs]))
        forgotten = 0
        with self._vault.database.transaction():
            for theirs in names.values():
                if still.isdisjoint(theirs):
                    forgotten += bool(self._vault.erasures.remove(theirs))
            for name in gone:
                self._vault.originals.forget(name)
            for person_id, values in keyed.items():
                self._vault.originals.drop(person_id, values)
        self._vault.database.scrub()
        return forgotten
