"""Find or make the persons behind many identities at once, with one question to the key server."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from federim.identity.newcomers import Newcomers
from federim.identity.opposition import SENTENCE, Opposition
from federim.identity.vault.book import Known
from federim.identity.vault.people import Match, Person
from federim.identity.vault.vault import Vault
from federim.model.errors import FederimError, IdentityError, KeyServerAway, Opposed, VaultError
from federim.model.identifiers import NationalId, PatientIdentity

WAITS: Final = "a person waits for the key server; what is told of them is kept, and read when it answers"

# Not to be reached may take many seconds to find out, and a run has thousands of questions.
SECONDS_AWAY: Final = 30.0

Enrolled = Known | IdentityError | KeyServerAway | Opposed


class TokenWanted(FederimError):
    """Raised inside `Exchange.gathering`: a token that the key server is not asked for one by one."""


class Enrolment:
    """Settles identities in their canonical form against the vault."""

    def __init__(self, vault: Vault, newcomers: Newcomers, opposition: Opposition) -> None:
        self._vault = vault
        self._newcomers = newcomers
        self._opposition = opposition
        self.away = False  # whether the key server was, when it was last asked
        self._not_before = 0.0
        self.gathered: list[PatientIdentity] | None = None  # whose tokens are not asked for, but gathered

    def settle(self, told: Mapping[int, PatientIdentity]) -> dict[int, Enrolled]:
        """What each identity comes to; in a second turn where another process changed the vault meanwhile."""
        answers: dict[int, Enrolled] = {}
        rest = dict(told)
        while rest:
            listed = self._opposition.listed(list(rest.values()))
            found: dict[int, Enrolled] = {
                place: Opposed(SENTENCE) for place, opposed in zip(rest, listed, strict=True) if opposed
            }
            found.update(self._turn({place: one for place, one in rest.items() if place not in found}))
            answers.update(found)
            rest = {place: one for place, one in rest.items() if place not in found}
        return answers

    def _turn(self, told: Mapping[int, PatientIdentity]) -> dict[int, Enrolled]:
        matches = dict(zip(told, self._vault.people.match(list(told.values())), strict=True))
        wanted = {place: told[place] for place, match in matches.items() if match.needs_token}
        newcomers: dict[int, Person] = {}
        answers: dict[int, Enrolled] = {}
        try:
            newcomers.update(self._tokens(wanted))
        except KeyServerAway as away:
            self._vault.awaiting.add(wanted.values())
            answers.update(dict.fromkeys(wanted, away))
        except VaultError:
            raise
        except IdentityError as error:
            answers.update(dict.fromkeys(wanted, error))
        for place in self._opposition.told_elsewhere(newcomers, told):
            answers[place] = Opposed(SENTENCE)
        some_wait = len(self._vault.awaiting) > 0
        for place, match in matches.items():
            if match.known or place in newcomers or place in answers:
                continue
            if some_wait and self._vault.awaiting.any(told[place]):
                # Its other identifiers are the same person's, of whom more may be told by those alone.
                self._vault.awaiting.add([told[place]])
                answers[place] = KeyServerAway(WAITS)
            else:
                newcomers[place] = self._newcomers.local(told[place].local[0])
        rest = {place: one for place, one in told.items() if place not in answers}
        return {**answers, **self._write(rest, matches, newcomers)}

    def _tokens(self, told: Mapping[int, PatientIdentity]) -> dict[int, Person]:
        if self.gathered is not None and told:
            self.gathered.extend(told.values())
            raise TokenWanted("the key server is asked for many at once")
        # A patient told of twice is asked for once.
        nationals = list(dict.fromkeys(each.national for each in told.values() if each.national is not None))
        persons = dict(zip(nationals, self._asked(nationals), strict=True))
        return {place: persons[each.national] for place, each in told.items() if each.national is not None}

    def _asked(self, nationals: Sequence[NationalId]) -> list[Person]:
        if self.away and time.monotonic() < self._not_before:
            raise KeyServerAway(WAITS)
        try:
            persons = self._newcomers.linked(nationals)
        except KeyServerAway:
            self.away, self._not_before = True, time.monotonic() + SECONDS_AWAY
            raise
        self.away = False
        return persons

    def _write(
        self,
        told: Mapping[int, PatientIdentity],
        matches: Mapping[int, Match],
        newcomers: Mapping[int, Person],
    ) -> dict[int, Enrolled]:
        """Enrol those who change something; whoever is known whole needs no transaction."""
        answers: dict[int, Enrolled] = {
            place: matches[place].known[0]
            for place in told
            if len(matches[place].known) == 1 and not matches[place].unknown
        }
        changing: Sequence[int] = [place for place in told if place not in answers]
        if changing:
            with self._vault.database.transaction():
                given = [(told[place], newcomers.get(place)) for place in changing]
                enrolled = zip(changing, self._vault.people.enrol(given), strict=True)
                settled = {place: found for place, found in enrolled if found is not None}
                self._vault.awaiting.drop(told[place] for place in settled)
            answers.update(settled)
        return answers
