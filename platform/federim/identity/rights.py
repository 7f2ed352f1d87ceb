"""The door for persons' rights: who objects, what becomes of them in the vault, who is told elsewhere."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from federim.home import Home, Role
from federim.identity.canonical import Canonical
from federim.identity.keyserver import open_key_server
from federim.identity.newcomers import Newcomers
from federim.identity.opposition import Opposition
from federim.identity.subjects import shift_days
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.erasures import Erasure, Outcome
from federim.identity.vault.identifiers import authority
from federim.identity.vault.suppression import Word
from federim.identity.vault.vault import Vault
from federim.identity.whom import Finder, ProjectKey, Whom
from federim.model.errors import IdentityError
from federim.model.identifiers import LocalId, PatientIdentity, Pseudonym

__all__ = ["Erasure", "Held", "Outcome", "ProjectKey", "Restored", "Rights", "Whom", "Word"]

Tokens = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of an opposition that was withdrawn.

    Attributes
    ----------
    digests : int
        How many of the person's were on the list.
    tokens : tuple of bytes
        What other sites know the person by; none where nobody can tell.
    """

    digests: int
    tokens: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a vault holds of one person: how many, never which."""

    names: tuple[Pseudonym, ...]  # in the lake: the present one first
    linked: bool
    date_shift_days: int = field(repr=False)  # from the true dates to the lake's
    numbers: Mapping[str, int]  # identifiers by authority; "" is the site's own register
    originals: int
    opposed_to: tuple[str, ...]


class Rights:
    """The rights of the persons of one site. A context manager; `close` does the same."""

    def __init__(self, home: Home, vault: Vault) -> None:
        self._home = home
        self._vault = vault
        self._list = vault.suppression
        self._journal = vault.erasures
        self._opposition = Opposition(home, vault)
        self._canonical = Canonical(home.settings)
        self.find = Finder(home, vault)

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
        return cls(home.require(Role.SITE), Vault.open(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the vault."""
        self._vault.close()

    def oppose(self, whom: Whom, word: Word = Word(), *, actor: str) -> Erasure:
        """Put a person on the list and begin to erase them, in one transaction; again, it goes on with that.

        Whoever is not known is listed all the same, by the numbers told.

        Raises
        ------
        IdentityError
            Nobody here has that pseudonym, or nobody is known who could object to one project.
        """
        with self._vault.database.transaction():
            persons = self._names(whom.person_id)
            together = self._list.add(self._digests(whom, persons, word), word)
            self._journal.await_no_more(whom.identifiers)
            for begun in self._journal.pending():
                if begun.word == word and begun.together == together:
                    return begun
            erasure = Erasure(
                id=secrets.token_hex(8),
                persons=persons,
                word=word,
                together=together,
                actor=actor,
                begun_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            self._journal.write(erasure)
        return erasure

    def pending(self) -> list[Erasure]:
        """Erasures that have begun and are not complete."""
        return self._journal.pending()

    def note(self, erasure: Erasure, step: str, outcome: Outcome) -> Erasure:
        """Remember that a step is complete, and what it told."""
        noted = erasure.with_step(step, outcome)
        with self._vault.database.transaction():
            self._journal.write(noted)
        return noted

    def forget(self, erasure: Erasure, step: str) -> Erasure:
        """Take a person out of the vault, the journal included; who objects to one project stays."""
        with self._vault.database.transaction():
            gone = {} if erasure.project else self._journal.remove(erasure.persons)
            noted = replace(erasure.with_step(step, gone), persons=())
            self._journal.write(noted)
        return noted

    def complete(self, erasure: Erasure) -> None:
        """Leave nothing of what was removed in the vault's files, and close the journal."""
        self._vault.database.scrub()
        with self._vault.database.transaction():
            self._journal.complete(erasure)

    def restore(self, whom: Whom, word: Word = Word()) -> Restored:
        """Take a person off the list: what comes from now on is read again; what was erased stays so.

        Raises
        ------
        KeyServerAway, IdentityError
            The other sites' names of a person who is here no more cannot be had; nothing changed.
        """
        tokens = self._tokens_of(whom)
        with self._vault.database.transaction():
            persons = self._names(whom.person_id)
            digests = {self._list.of_identifier(each) for each in whom.identifiers}
            digests |= {self._list.of_person(each) for each in (*persons, whom.pseudonym) if each}
            digests |= {self._own_notice(token) for token in tokens}
            lifted = self._list.lift(digests, word)
        return Restored(lifted, tokens)

    def is_listed(self, whom: Whom, word: Word = Word()) -> bool:
        """Whether a person is on the list by what was told of them."""
        digests = [self._list.of_identifier(each) for each in whom.identifiers]
        digests += [self._list.of_person(each) for each in (whom.pseudonym, whom.person_id) if each]
        return word in self._list.words(digests)

    def opposed_to(self, project: str, person_ids: Collection[Pseudonym]) -> frozenset[Pseudonym]:
        """Of these persons, those who object to one project."""
        by_digest = {self._list.of_person(person_id): person_id for person_id in person_ids}
        return frozenset(by_digest[digest] for digest in self._list.among(by_digest, project))

    def tokens(self, erasure: Erasure) -> Tokens:
        """What other sites know the person by."""
        return tuple(
            dict.fromkeys(token for each in erasure.persons for _, token in self._journal.tokens(each))
        )

    def opposed(self, identities: Sequence[PatientIdentity]) -> list[bool]:
        """Whether each of these is on the list, and so waits for no token; what is no identity is not."""
        readable: dict[int, PatientIdentity] = {}
        for place, told in enumerate(identities):
            with suppress(IdentityError):
                readable[place], _ = self._canonical.identity(told)
        listed = dict(zip(readable, self._opposition.listed(list(readable.values())), strict=True))
        with self._vault.database.transaction():
            self._vault.awaiting.drop([readable[place] for place, opposed in listed.items() if opposed])
        return [listed.get(place, False) for place in range(len(identities))]

    def issuers(self, erasure: Erasure) -> frozenset[str]:
        """Who gave the person's local numbers: what names no issuer may be of any of them."""
        told = (each for name in erasure.persons for each in self._journal.identifiers(name))
        return frozenset(authority(each)[1] for each in told if isinstance(each, LocalId))

    @staticmethod
    def notices(tokens: Iterable[bytes], recipient: str) -> list[bytes]:
        """What tells one site about a person it knows, and nothing about one it does not."""
        return [Opposition.notice(token, recipient) for token in tokens]

    def told(self, notices: Collection[bytes], word: Word, *, actor: str) -> list[Erasure]:
        """Take in what another site told of one person: begin to erase them, or remember it of a stranger."""
        remembered = [self._list.of_notice(each) for each in notices]
        begun = [
            self.oppose(Whom(person_id=person_id), word, actor=actor)
            for person_id in self._known_by(frozenset(notices))
        ]
        with self._vault.database.transaction():
            self._list.add(remembered, word)
        return begun

    def untold(self, notices: Collection[bytes], word: Word) -> int:
        """Take in that another site withdrew what it told; returns how many digests were on the list."""
        with self._vault.database.transaction():
            return self._list.lift([self._list.of_notice(each) for each in notices], word)

    def held(self, person_id: Pseudonym) -> Held:
        """What the vault holds of a person."""
        names = self._names(person_id)
        numbers = Counter(authority(each)[1] for each in self._journal.identifiers(person_id))
        words = self._list.words([self._list.of_person(person_id)])
        known = self._vault.people.named([person_id])[person_id]
        return Held(
            names=names,
            linked=known.linked,
            date_shift_days=shift_days(known.seed),
            numbers=numbers,
            originals=sum(len(self._vault.originals.of(name)) for name in names),
            opposed_to=tuple(sorted({word.project for word in words})),
        )

    def _names(self, person_id: Pseudonym | None) -> tuple[Pseudonym, ...]:
        """What the lake calls a person, the present name first."""
        return () if person_id is None else (person_id, *self._journal.earlier_names(person_id))

    def _digests(self, whom: Whom, persons: Sequence[Pseudonym], word: Word) -> set[bytes]:
        """All by which a person is known again: of one who stays in the vault, what they are called there."""
        of_persons = {self._list.of_person(each) for each in persons}
        if word.project:
            if not persons:
                raise IdentityError("nobody here is known by that, who could object to one project")
            return of_persons
        if whom.pseudonym is not None and not persons:
            gone = self._list.of_person(whom.pseudonym)
            if not self._list.among([gone]):
                raise IdentityError("nobody here has that pseudonym; see federim subject report")
            of_persons.add(gone)
        numbers = [*whom.identifiers, *(each for name in persons for each in self._journal.identifiers(name))]
        tokens = [token for name in persons for _, token in self._journal.tokens(name)]
        return (
            of_persons
            | {self._list.of_identifier(each) for each in numbers}
            | {self._own_notice(each) for each in tokens}
        )

    def _own_notice(self, token: bytes) -> bytes:
        return self._list.of_notice(Opposition.notice(token, self._home.name))

    def _known_by(self, notices: frozenset[bytes]) -> list[Pseudonym]:
        """Whom of this site's own some notices are about: every token is tried, since none tells another."""
        name = self._home.name
        return sorted(
            {person for person, token in self._journal.tokens() if Opposition.notice(token, name) in notices}
        )

    def _tokens_of(self, whom: Whom) -> Tokens:
        """What other sites know a person by: from the vault, else from the INS told and the key server."""
        if whom.person_id is not None:
            return tuple(dict.fromkeys(token for _, token in self._journal.tokens(whom.person_id)))
        if not whom.nationals:
            return ()
        key_server = open_key_server(self._home)
        try:
            newcomers = Newcomers(self._home, key_server, Epochs(self._vault.database))
            persons = newcomers.linked(whom.nationals)
        finally:
            key_server.close()
        return tuple(dict.fromkeys(token for each in persons for token in each.tokens.values()))
