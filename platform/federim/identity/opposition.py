"""Know who objects to research before anything of them is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from federim.home import Home
from federim.identity.vault.people import Person
from federim.identity.vault.vault import Vault
from federim.keys import keyed
from federim.model.identifiers import PatientIdentity

SENTENCE: Final = "the person objects to the use of their data for research; nothing of them is read"


class Opposition:
    """The site's list of those who object, and what other sites told of theirs."""

    def __init__(self, home: Home, vault: Vault) -> None:
        self._name = home.name
        self._list = vault.suppression
        self._database = vault.database

    def listed(self, identities: Sequence[PatientIdentity]) -> list[bool]:
        """Whether each of them is on the list; another number told of one who is becomes known as theirs."""
        digests = [self._list.of_identity(identity) for identity in identities]
        found = self._list.among({digest for each in digests for digest in each})
        for each in digests:
            if not found.isdisjoint(each) and not found.issuperset(each):
                with self._database.transaction():
                    for word in sorted(self._list.words(each)):
                        self._list.add(each, word)
        return [not found.isdisjoint(each) for each in digests]

    def told_elsewhere(
        self, newcomers: Mapping[int, Person], told: Mapping[int, PatientIdentity]
    ) -> set[int]:
        """Of persons unknown here so far, those of whom another site told that they object to all research.

        They are listed from then on by their own numbers, or for the projects they were told to object to.
        """
        notices = {
            place: [self._list.of_notice(self.notice(token, self._name)) for token in person.tokens.values()]
            for place, person in newcomers.items()
        }
        known = self._list.known({notice for theirs in notices.values() for notice in theirs})
        return {
            place
            for place, theirs in notices.items()
            if not known.isdisjoint(theirs) and self._heeded(theirs, newcomers[place], told[place])
        }

    def _heeded(self, notices: Sequence[bytes], person: Person, identity: PatientIdentity) -> bool:
        """List a newcomer as other sites told; whether that is for all research."""
        words = sorted(self._list.words(notices))
        with self._database.transaction():
            for word in words:
                theirs = (
                    [self._list.of_person(person.person_id)]
                    if word.project
                    else self._list.of_identity(identity)
                )
                self._list.add([*notices, *theirs], word)
        return any(not word.project for word in words)

    @staticmethod
    def notice(token: bytes, recipient: str) -> bytes:
        """What tells a site that a person objects if it knows the person, and nothing if it does not."""
        return keyed(token, "opposition", recipient)
