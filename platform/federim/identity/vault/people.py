"""Keep persons and their identifiers: who an identity belongs to, and what it adds to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from federim.identity.cipher import VaultCipher
from federim.identity.ins import NIA, NIR
from federim.identity.vault.book import Book, Known
from federim.identity.vault.database import Database, chunks, marks
from federim.identity.vault.identifiers import Identifier, told
from federim.identity.vault.rewritings import Rewritings
from federim.identity.vault.suppression import Suppression
from federim.model.errors import IdentityError, VaultError
from federim.model.identifiers import NationalId, PatientIdentity, Pseudonym


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A row of the vault. Seed and tokens are national identifiers in effect: they never leave `identity`."""

    person_id: Pseudonym
    seed: bytes = field(repr=False)
    tokens: Mapping[bytes, bytes] = field(repr=False, default_factory=dict)  # by epoch; none if local


@dataclass(frozen=True, slots=True)
class Match:
    """Whom an identity belongs to, and which of its identifiers the vault does not hold yet."""

    known: tuple[Known, ...]
    unknown: tuple[Identifier, ...]

    @property
    def needs_token(self) -> bool:
        """Whether its INS is new to the vault and would say who the person is."""
        national = next((each for each in self.unknown if isinstance(each, NationalId)), None)
        return national is not None and (not self.known or any(_follows(national, one) for one in self.known))


class People:
    """The persons of a vault."""

    def __init__(self, database: Database, cipher: VaultCipher, rewritings: Rewritings) -> None:
        self._database = database
        self._cipher = cipher
        self._rewritings = rewritings
        self._suppression = Suppression(database, cipher)

    def match(self, identities: Sequence[PatientIdentity]) -> list[Match]:
        """Whom each of these identities belongs to: one person, nobody yet, or several."""
        book = Book.read(self._database, self._cipher, identities)
        return [self._match(book, identity) for identity in identities]

    def enrol(
        self, told_of: Sequence[tuple[PatientIdentity, Person | None]]
    ) -> list[Known | IdentityError | None]:
        """The person each identity belongs to; the newcomer beside it if nobody, or if its INS says so.

        Identifiers not yet known become theirs. A person whom a newly told INS makes another one is noted
        in `rewritings`. In the caller's transaction.

        Returns
        -------
        list
            In the order given: the person; what contradicts the vault; None where a newcomer is needed and
            was not given, because the vault changed since it was asked.
        """
        book = Book.read(self._database, self._cipher, [identity for identity, _ in told_of])
        settled: list[Known | IdentityError | None] = []
        for identity, newcomer in told_of:
            try:
                settled.append(self._settle(book, identity, newcomer))
            except VaultError:
                raise
            except IdentityError as error:
                settled.append(error)
        book.write()
        return settled

    def join(self, survivor: PatientIdentity, retired: PatientIdentity) -> None:
        """Make two persons of the vault one, if both are there. In the caller's transaction.

        Raises
        ------
        IdentityError
            Each has an INS of its own.
        """
        book = Book.read(self._database, self._cipher, [survivor, retired])
        known = {one.person_id: one for each in (survivor, retired) for one in book.persons_of(each)}
        if len(known) < 2:
            return
        # An INS says who somebody is, whichever of the two numbers the register keeps.
        target = max(known.values(), key=lambda one: (NIR in one.oids, bool(one.oids)))
        if not _compatible(known.values()):
            raise IdentityError(
                "two patients that a message joins have an INS each by the same authority; correct its source"
            )
        for one in known.values():
            if one is not target:
                self._move(book, one, target)
        book.write()

    def secrets(self, person_ids: Sequence[Pseudonym], key_server: bytes | None) -> dict[Pseudonym, bytes]:
        """What the pseudonyms of a project derive from: each linked person's token of one epoch, or a local
        person's seed.

        Parameters
        ----------
        key_server : bytes
            The epoch's public key; None where nobody is linked.

        Returns
        -------
        dict
            Of those persons that the vault knows; the linked ones without a token of that epoch are left out.
        """
        found: dict[Pseudonym, bytes] = {}
        for chunk in chunks(person_ids):
            query = (
                "SELECT person_id, seed FROM person "
                f"WHERE person_id IN ({marks(chunk)}) AND person_id NOT IN (SELECT person_id FROM token)"
            )
            for person_id, seed in self._database.rows(query, chunk):
                found[person_id] = self._cipher.open(seed, "person.seed", person_id)
            if key_server is None:
                continue
            query = (
                f"SELECT person_id, token FROM token WHERE key_server = ? AND person_id IN ({marks(chunk)})"
            )
            for person_id, token in self._database.rows(query, (key_server, *chunk)):
                found[person_id] = self._cipher.open(token, "token.token", f"{person_id}{key_server.hex()}")
        return found

    def named(self, person_ids: Sequence[Pseudonym]) -> dict[Pseudonym, Known]:
        """Those of these persons whom the vault has."""
        book = Book(self._database, self._cipher)
        book.take(person_ids)
        return {one.person_id: one for one in book.persons.values()}

    def everyone(self) -> list[Pseudonym]:
        """Every person of the vault."""
        return [person_id for (person_id,) in self._database.rows("SELECT person_id FROM person")]

    def identifiers(self, person_id: Pseudonym) -> list[tuple[str | None, str, str]]:
        """A person's identifiers in clear: the OID if it is an INS, who issued it, its value."""
        query = "SELECT lookup, oid, issuer, value FROM identifier WHERE person_id = ? ORDER BY lookup"
        return [
            (
                oid,
                self._cipher.open(issuer, "identifier.issuer", key.hex()).decode(),
                self._cipher.open(value, "identifier.value", key.hex()).decode(),
            )
            for key, oid, issuer, value in self._database.rows(query, (person_id,))
        ]

    def _match(self, book: Book, identity: PatientIdentity) -> Match:
        unknown = tuple(each for each in told(identity) if book.lookup(each) not in book.by_lookup)
        return Match(tuple(book.persons_of(identity)), unknown)

    def _settle(self, book: Book, identity: PatientIdentity, newcomer: Person | None) -> Known | None:
        match = self._match(book, identity)
        national = next((each for each in match.unknown if isinstance(each, NationalId)), None)
        if len(match.known) > 1:
            person = self._joined(book, match.known, identity)
        elif not match.known:
            if newcomer is None:
                return None
            person = self._insert(book, newcomer)
        else:
            [person] = match.known
            if national is not None and national.oid in person.oids:
                raise IdentityError(
                    "a person of the vault is given a second INS by the same authority; correct their source"
                )
            if national is not None and _follows(national, person):
                if newcomer is None:
                    return None
                person = self._move(book, person, self._insert(book, newcomer))
        for each in match.unknown:
            book.add(each, person)
        return person

    def _joined(self, book: Book, known: Sequence[Known], identity: PatientIdentity) -> Known:
        """Whom several persons become, because the INS of one is told beside another's number."""
        owner = None
        if identity.national is not None:
            owner = book.persons.get(book.by_lookup.get(book.lookup(identity.national), ""))
        follow = all(one is owner or _follows(identity.national, one) for one in known)
        if owner is None or not follow or not _compatible(known):
            raise IdentityError(
                f"{len(told(identity))} identifiers of one person belong to different persons of the vault; "
                "correct their source"
            )
        for one in known:
            if one is not owner:
                owner = self._move(book, one, owner)
        return owner

    def _insert(self, book: Book, newcomer: Person) -> Known:
        return book.insert(newcomer.person_id, newcomer.seed, newcomer.tokens)

    def _move(self, book: Book, old: Known, new: Known) -> Known:
        """Make two persons one; the rows of the old one wait to be rewritten."""
        if old.person_id == new.person_id:
            return new
        self._suppression.carry(old.person_id, new.person_id)
        return book.move(old, new, self._rewritings)


def _compatible(known: Collection[Known]) -> bool:
    """Whether together they have one INS by an authority at most."""
    return sum(len(one.oids) for one in known) == len({oid for one in known for oid in one.oids})


def _follows(national: NationalId | None, person: Known) -> bool:
    """Whether an INS tells who a person is whom the vault knew without one, or by a waiting number (NIA)."""
    if national is None:
        return False
    return not person.oids or (national.oid == NIR and person.oids == {NIA})
