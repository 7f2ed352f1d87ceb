"""The only door into identity: a patient's identifiers go in, a subject comes out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from federim.home import Home, Role
from federim.identity import ins, oprf
from federim.identity.keyserver import KeyServer, open_key_server
from federim.identity.vault import Person, Vault
from federim.keys import ROOT_KEY_BYTES, keyed
from federim.model.errors import IdentityError
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    Merge,
    NationalId,
    PatientIdentity,
    Pseudonym,
    Subject,
)

# A source gives its files patient by patient, more or less, so a few thousand are plenty. Far fewer,
# and the scanners of a large site would push each other's patients out.
RECENT_IDENTITIES: Final = 10_000
PSEUDONYM_DIGITS: Final = 32
LONGEST_SHIFT_DAYS: Final = 365


class Exchange:
    """Trades identities for pseudonyms at one site. Open one in each process, in the thread that uses it."""

    def __init__(self, home: Home, vault: Vault, key_server: KeyServer) -> None:
        self._vault = vault
        self._key_server = key_server
        self._test_identities = home.settings.test_identities
        self._registers = frozenset(home.settings.registers)
        self._person_key = home.secret("person-id")
        self._local_key = home.secret("local-identity")
        self._recent: OrderedDict[PatientIdentity, Subject] = OrderedDict()

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the home's vault and the key server its settings name.

        Raises
        ------
        HomeError
            Not a site's home, or a key file is missing.
        IdentityError
            The vault was written under another key.
        """
        home.require(Role.SITE)
        key_server = open_key_server(home)
        return cls(home, Vault.open(home), key_server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._vault.close()

    def learn(self, identity: PatientIdentity) -> Subject:
        """The subject behind an identity, made if nobody knows it; newly told identifiers become theirs.

        A pseudonym, once given, stays: a person first met without a qualified INS keeps a local one when
        it comes (see `late_links`).

        Raises
        ------
        IdentityError
            An identifier is malformed or refused, or they belong to different persons.
        """
        subject = self._recall(identity)
        if subject is not None:
            return subject
        canonical, doubts = self._canonical(identity)
        match = self._vault.match(canonical)
        person = match.person
        if person is None or match.unknown:
            # The newcomer is made before the vault locks: a key server may be far away.
            person = self._vault.enrol(canonical, person or self._newcomer(canonical))
        return self._remember(identity, _subject(person, doubts))

    def merge(self, merge: Merge) -> Subject:
        """Learn that two identities are one person, as a hospital's register says when it joins two files.

        Raises
        ------
        IdentityError
            As `learn`; also where each of the two has a pseudonym already: nothing in the lake is rewritten.
        """
        survivor, retired = merge.survivor, merge.retired
        return self.learn(
            replace(
                survivor,
                local=(*survivor.local, *retired.local),
                national=survivor.national or retired.national,
            )
        )

    def find(self, identity: PatientIdentity) -> Subject | None:
        """The subject behind an identity, or None; the vault does not change.

        Raises
        ------
        IdentityError
            As `learn`.
        """
        subject = self._recall(identity)
        if subject is not None:
            return subject
        canonical, doubts = self._canonical(identity)
        match = self._vault.match(canonical)
        if match.person is None:
            return None
        subject = _subject(match.person, doubts)
        # With unknown identifiers there is still something to learn, so nothing is remembered.
        return subject if match.unknown else self._remember(identity, subject)

    def project_pseudonyms(
        self, person_ids: Sequence[Pseudonym], project_key: bytes
    ) -> dict[Pseudonym, Pseudonym]:
        """The pseudonym each person bears in one project, the same at every site that linked them.

        Parameters
        ----------
        project_key : bytes, 32
            Made by the hub, which holds no token; two projects' keys make unrelated pseudonyms.

        Raises
        ------
        IdentityError
            The key has another length, or the vault does not know some of the persons.
        """
        if len(project_key) != ROOT_KEY_BYTES:
            raise IdentityError(f"project key: {len(project_key)} bytes where {ROOT_KEY_BYTES} were expected")
        tokens = self._vault.tokens(person_ids)
        unknown = set(person_ids) - tokens.keys()
        if unknown:
            raise IdentityError(
                f"{len(unknown)} of {len(set(person_ids))} persons are not in this home's vault; "
                "restore the vault that belongs to this lake"
            )
        return {person_id: _pseudonym(project_key, token) for person_id, token in tokens.items()}

    @property
    def late_links(self) -> int:
        """Persons whose qualified INS came after their pseudonym, so that no other site recognises them."""
        return self._vault.count_late_links()

    def _canonical(self, identity: PatientIdentity) -> tuple[PatientIdentity, tuple[str, ...]]:
        """The identity as the vault keeps it, each number in its one spelling; and the INS' contradictions.

        An INS that is not qualified proves nothing of who a person is (référentiel national
        d'identitovigilance), nor does one that contradicts the record it stands in. So it never joins two
        records: it is left aside beside a local identifier, and serves as one where it comes alone.
        """
        local = tuple(self._canonical_local(told) for told in identity.local)
        if identity.national is None:
            return PatientIdentity(local=local), ()
        national = ins.check(identity.national, test_identities=self._test_identities)
        doubts = ins.contradictions(national.value, birth_date=identity.birth_date, sex=identity.sex)
        if national.status is IdentityStatus.QUALIFIED and not doubts:
            return PatientIdentity(local=local, national=national), ()
        alone = (LocalId(issuer=national.oid, value=Ipp(national.value)),)
        return PatientIdentity(local=local or alone), doubts

    def _canonical_local(self, told: LocalId) -> LocalId:
        value, issuer = told.value.strip(), told.issuer.strip()
        if self._registers:
            issuer = issuer or told.authority.strip()
        if issuer in self._registers:
            issuer = ""
        if not value:
            raise IdentityError("a local identifier is blank; expected at least one character")
        try:
            f"{issuer}{value}".encode()
        except UnicodeEncodeError:
            # What a wrongly declared character set leaves. Python's own message would quote it.
            raise IdentityError(
                "a local identifier holds characters outside Unicode; correct its source"
            ) from None
        return LocalId(issuer=issuer, value=Ipp(value))

    def _newcomer(self, identity: PatientIdentity) -> Person:
        if identity.national is not None:
            token, key_server = self._linked_token(identity.national), self._key_server.public
        else:
            first = identity.local[0]
            token, key_server = keyed(self._local_key, first.issuer, first.value), None
        return Person(person_id=_pseudonym(self._person_key, token), token=token, key_server=key_server)

    def _linked_token(self, national: NationalId) -> bytes:
        message = f"{national.oid}|{national.value}".encode()
        scalar, blinded = oprf.blind(message)
        [evaluated] = self._key_server.evaluate([blinded])
        return oprf.finalize(message, scalar, evaluated)

    def _recall(self, identity: PatientIdentity) -> Subject | None:
        subject = self._recent.get(identity)
        if subject is not None:
            self._recent.move_to_end(identity)
        return subject

    def _remember(self, identity: PatientIdentity, subject: Subject) -> Subject:
        self._recent[identity] = subject
        if len(self._recent) > RECENT_IDENTITIES:
            self._recent.popitem(last=False)
        return subject


def _subject(person: Person, doubts: tuple[str, ...] = ()) -> Subject:
    # A local token is made with the site's key, so what derives from it is the site's as well.
    shift = int.from_bytes(keyed(person.token, "date-shift")) % LONGEST_SHIFT_DAYS
    return Subject(
        person_id=person.person_id,
        linked=person.key_server is not None,
        date_shift_days=-1 - shift,
        uid_key=keyed(person.token, "uid"),
        doubts=doubts,
    )


def _pseudonym(key: bytes, token: bytes) -> Pseudonym:
    return Pseudonym(keyed(key, token).hex()[:PSEUDONYM_DIGITS])
