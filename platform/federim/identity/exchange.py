"""The only door into identity: a patient's identifiers go in, a subject comes out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

from federim.home import Home, Role
from federim.identity.canonical import Canonical
from federim.identity.enrolment import WAITS, Enrolment
from federim.identity.keyserver import KeyServer, open_key_server
from federim.identity.newcomers import Newcomers
from federim.identity.opposition import SENTENCE, Opposition
from federim.identity.projects import Projects, ProjectSubject
from federim.identity.reevaluation import Progress, Reevaluated, reevaluate
from federim.identity.subjects import subject
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.vault import Vault
from federim.model.errors import FederimError, IdentityError, KeyServerAway, Opposed
from federim.model.identifiers import Merge, PatientIdentity, Pseudonym, Subject

# A source gives its files patient by patient, more or less, so a few thousand are plenty. Far fewer,
# and the scanners of a large site would push each other's patients out.
RECENT_IDENTITIES: Final = 10_000

Learned = Subject | IdentityError | KeyServerAway | Opposed


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A person who has another pseudonym, other dates and other UIDs now than their rows have still."""

    old: Subject
    new: Subject


class Exchange:
    """Trades identities for pseudonyms at one site. Open one in each process, in the thread that uses it."""

    def __init__(self, home: Home, vault: Vault, key_server: KeyServer) -> None:
        self._vault = vault
        self._key_server = key_server
        self._verify = home.settings.verify_key_server
        self._canonical = Canonical(home.settings)
        self._opposition = Opposition(home, vault)
        newcomers = Newcomers(home, key_server, Epochs(vault.database))
        self._enrolment = Enrolment(vault, newcomers, self._opposition)
        self._projects = Projects(vault)
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
        """Let go of the vault and of the key server."""
        self._key_server.close()
        self._vault.close()

    def learn(self, identity: PatientIdentity) -> Subject:
        """The subject behind an identity, made if nobody knows it; newly told identifiers become theirs.

        A person first met without a qualified INS has another pseudonym from the moment it comes (see
        `rewritings`).

        Raises
        ------
        IdentityError
            An identifier is malformed or refused, or they belong to different persons.
        KeyServerAway
            Nobody knows the person yet, and the key server cannot be asked.
        Opposed
            The person objects to research.
        """
        recalled = self._recall(identity)
        if recalled is not None:
            return recalled
        [learned] = self.learn_many([identity])
        if isinstance(learned, Subject):
            return learned
        raise learned

    def learn_many(self, identities: Sequence[PatientIdentity]) -> list[Learned]:
        """As `learn`, of many at once: the key server is asked once for all whom nobody knows.

        Returns
        -------
        list
            In the order given: the subject, or what `learn` would raise.
        """
        answers: dict[int, Learned] = {}
        canonical: dict[int, tuple[PatientIdentity, tuple[str, ...]]] = {}
        for place, identity in enumerate(identities):
            recalled = self._recall(identity)
            if recalled is not None:
                answers[place] = recalled
                continue
            try:
                canonical[place] = self._canonical.identity(identity)
            except IdentityError as error:
                answers[place] = error
        begun = self._vault.rewritings.begun
        found = self._enrolment.settle({place: identity for place, (identity, _) in canonical.items()})
        if self._vault.rewritings.begun > begun:
            self._recent.clear()
        for place, one in found.items():
            answers[place] = (
                one
                if isinstance(one, FederimError)
                else self._remember(
                    identities[place],
                    subject(one.person_id, one.seed, linked=one.linked, doubts=canonical[place][1]),
                )
            )
        return [answers[place] for place in range(len(identities))]

    @contextmanager
    def gathering(self) -> Iterator[list[PatientIdentity]]:
        """Inside, `learn` does not ask the key server: it raises `TokenWanted`, and the identity is gathered.

        What was gathered is to be given to `learn_many` afterwards, and learned again.
        """
        gathered: list[PatientIdentity] = []
        self._enrolment.gathered = gathered
        try:
            yield gathered
        finally:
            self._enrolment.gathered = None

    @property
    def key_server_away(self) -> bool:
        """Whether the key server did not answer when it was last asked."""
        return self._enrolment.away

    def merge(self, merge: Merge) -> Subject:
        """Learn that two identities are one person, as a hospital's register says when it joins two files.

        Raises
        ------
        IdentityError, KeyServerAway, Opposed
            As `learn`; also where each of the two has an INS of its own.
        """
        survivor, _ = self._canonical.identity(merge.survivor)
        retired, _ = self._canonical.identity(merge.retired)
        with self._vault.database.transaction():
            self._vault.people.join(survivor, retired)
        self._recent.clear()
        return self.learn(
            replace(
                merge.survivor,
                local=(*merge.survivor.local, *merge.retired.local),
                national=merge.survivor.national or merge.retired.national,
            )
        )

    def stop_waiting(self) -> None:
        """Have nobody wait for the key server any more, once it was asked about all that is parked.

        Whoever waits then was named by something that is not to be had any more, and nothing would ever end
        their waiting: they are persons of this site alone until their INS is told again.
        """
        self._vault.awaiting.clear()

    def find(self, identity: PatientIdentity) -> Subject | None:
        """The subject behind an identity, or None; the vault does not change.

        Raises
        ------
        IdentityError, Opposed
            As `learn`.
        KeyServerAway
            The person waits for the key server.
        """
        recalled = self._recall(identity)
        if recalled is not None:
            return recalled
        canonical, doubts = self._canonical.identity(identity)
        if self._opposition.listed([canonical])[0]:
            raise Opposed(SENTENCE)
        [match] = self._vault.people.match([canonical])
        if not match.known:
            self._check_not_awaited(canonical)
            return None
        if len(match.known) > 1:
            raise IdentityError(
                "identifiers of one person belong to different persons of the vault; correct their source"
            )
        [known] = match.known
        found = subject(known.person_id, known.seed, linked=known.linked, doubts=doubts)
        # With unknown identifiers there is still something to learn, so nothing is remembered.
        return found if match.unknown else self._remember(identity, found)

    def project_pseudonyms(
        self, person_ids: Sequence[Pseudonym], project_key: bytes, *, epoch: bytes | None = None
    ) -> dict[Pseudonym, Pseudonym]:
        """The pseudonym each person bears in one project; see `project_subjects`."""
        found = self._projects.subjects(person_ids, project_key, epoch=epoch)
        return {person_id: one.pseudonym for person_id, one in found.items()}

    def project_subjects(
        self, person_ids: Sequence[Pseudonym], project_key: bytes, *, epoch: bytes | None = None
    ) -> dict[Pseudonym, ProjectSubject]:
        """What each person is in one project, the same at every site that linked them.

        Parameters
        ----------
        project_key : bytes, 32
            Made by the hub, which holds no token; two projects' keys make unrelated pseudonyms.
        epoch : bytes, 32, optional
            Public key of the key server's epoch that the project pins; the newest one that this site knows.

        Raises
        ------
        IdentityError
            The key has another length, or the vault does not know some of the persons, or not in that epoch.
        """
        return self._projects.subjects(person_ids, project_key, epoch=epoch)

    def remember_originals(self, told: Mapping[Pseudonym, Mapping[str, str]]) -> None:
        """Remember what keyed values stand for, by person: {keyed: original}."""
        self._vault.originals.add(told)

    def originals(self, person_id: Pseudonym) -> dict[str, str]:
        """What a person's keyed values stand for."""
        return self._vault.originals.of(person_id)

    def rewritings(self) -> list[Rewriting]:
        """Whose rows bear an earlier pseudonym still, because their INS came after it."""
        waiting = self._vault.rewritings.waiting()
        now = self._vault.people.named([old.now for old in waiting])
        return [
            Rewriting(
                old=subject(old.person_id, old.seed, linked=old.linked),
                new=subject(old.now, now[old.now].seed, linked=now[old.now].linked),
            )
            for old in waiting
        ]

    def rewritten(self, *old: Pseudonym) -> None:
        """Forget earlier pseudonyms, which no row bears any more; nothing of them stays in the vault.

        Raises
        ------
        IdentityError
            Another program reads the vault, so that its files cannot be rid of what was forgotten; they wait
            as before.
        """
        with self._vault.database.transaction():
            for one in old:
                self._vault.originals.forget(one)
        # Before they are done: a kill in between must not leave what nobody would come back for.
        self._vault.database.scrub()
        with self._vault.database.transaction():
            for one in old:
                self._vault.rewritings.done(one)

    def reevaluate(self, progress: Progress = lambda _done, _of: None) -> Reevaluated:
        """Give every linked person a token of the key server's newest epoch; pseudonyms stay as they are.

        Stopped half-way and called again, it does the rest. Tokens of earlier epochs are kept: projects that
        pin those go on.

        Raises
        ------
        KeyServerAway
            It cannot be asked now, or this site's quota is used up; what is done is kept.
        IdentityError, VerificationFailed
            It is another key server than before, or none whose key this home trusts.
        """
        return reevaluate(self._vault, self._key_server, progress, verify=self._verify)

    def _check_not_awaited(self, identity: PatientIdentity) -> None:
        if self._vault.awaiting.any(identity):
            raise KeyServerAway(WAITS)

    def _recall(self, identity: PatientIdentity) -> Subject | None:
        recalled = self._recent.get(identity)
        if recalled is not None:
            self._recent.move_to_end(identity)
        return recalled

    def _remember(self, identity: PatientIdentity, found: Subject) -> Subject:
        self._recent[identity] = found
        if len(self._recent) > RECENT_IDENTITIES:
            self._recent.popitem(last=False)
        return found
