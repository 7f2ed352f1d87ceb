"""Three hospitals share patients: each project knows them as one person, and nobody else knows anything."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import byte_search
import pytest
import rbcl

from federim.home import Home, Role
from federim.identity import ins, linking
from federim.identity.exchange import Exchange
from federim.identity.keyserver import MESSAGE_SIZES, EmbeddedKeyServer, Epoch, Evaluation
from federim.identity.projects import ProjectSubject
from federim.identity.vault.vault import Vault
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    NationalId,
    PatientIdentity,
    Pseudonym,
    Sex,
    Subject,
)

SITES = ("brest", "lyon", "nice")
A_SITE = 2_000
BY_ALL_THREE = 100
BY_A_PAIR = 100  # of each of the three pairs
PROJECTS = {"lungs": bytes([1]) * 32, "brains": bytes([2]) * 32}


@dataclass
class Overheard:
    """The one key server of all sites, and its whole transcript."""

    inner: EmbeddedKeyServer = field(default_factory=lambda: EmbeddedKeyServer.of_seed(bytes(range(32))))
    questions: list[tuple[bytes, ...]] = field(default_factory=list)
    answers: list[tuple[bytes, ...]] = field(default_factory=list)

    def epochs(self) -> tuple[Epoch, ...]:
        return self.inner.epochs()

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        evaluation = self.inner.evaluate(points, epoch=epoch, prove=prove)
        self.questions.append(tuple(points))
        self.answers.append(tuple(evaluation.points))
        return evaluation

    def close(self) -> None:
        self.inner.close()


@dataclass
class Consortium:
    """What became of everybody: by site and INS, in the lake and in each project."""

    homes: dict[str, Home]
    patients: dict[str, list[NationalId]]
    subjects: dict[str, dict[NationalId, Subject]] = field(default_factory=dict)
    projects: dict[str, dict[str, dict[Pseudonym, ProjectSubject]]] = field(default_factory=dict)
    key_server: Overheard = field(default_factory=Overheard)

    def known_in(self, project: str, national: NationalId) -> list[tuple[str, ProjectSubject]]:
        """A person as each of their sites tells the project of them."""
        return [
            (site, self.projects[project][site][subjects[national].person_id])
            for site, subjects in self.subjects.items()
            if national in subjects
        ]


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """Three sites of 2,000 patients each, of whom 400 were seen by more than one; two projects."""
    root = tmp_path_factory.mktemp("consortium")
    patients = _patients()
    homes = {name: Home.create(root / name, role=Role.SITE, name=name) for name in SITES}
    made = Consortium(homes, patients)
    with ExitStack() as stack:
        for name, home in homes.items():
            exchange = stack.enter_context(Exchange(home, Vault.open(home), made.key_server))
            identities = [_identity(name, place, national) for place, national in enumerate(patients[name])]
            learned = [
                subject
                for start in range(0, len(identities), 1000)
                for subject in exchange.learn_many(identities[start : start + 1000])
            ]
            assert all(isinstance(subject, Subject) and subject.linked for subject in learned)
            made.subjects[name] = dict(zip(patients[name], learned, strict=True))
            person_ids = [subject.person_id for subject in learned]
            for project, key in PROJECTS.items():
                subjects = exchange.project_subjects(person_ids, key)
                made.projects.setdefault(project, {})[name] = subjects
        yield made


def test_the_sites_are_as_told(consortium: Consortium) -> None:
    seen = Counter(national for known in consortium.patients.values() for national in known)
    assert {len(known) for known in consortium.patients.values()} == {A_SITE}
    assert sum(sites > 1 for sites in seen.values()) == 400


@pytest.mark.parametrize("project", PROJECTS)
def test_a_patient_is_one_person_in_a_project_and_nobody_is_two(consortium: Consortium, project: str) -> None:
    everybody = {national for known in consortium.patients.values() for national in known}
    pseudonyms = set()
    for national in everybody:
        found = consortium.known_in(project, national)
        dates = {
            consortium.subjects[site][national].date_shift_days + subject.date_shift_days
            for site, subject in found
        }
        [pseudonym] = {subject.pseudonym for _, subject in found}
        assert len({subject.uid_key for _, subject in found}) == len(dates) == 1
        pseudonyms.add(pseudonym)
    assert len(pseudonyms) == len(everybody)


def test_two_projects_have_nothing_in_common(consortium: Consortium) -> None:
    lungs, brains = (
        {value for site in sites.values() for one in site.values() for value in (one.pseudonym, one.uid_key)}
        for sites in consortium.projects.values()
    )
    assert lungs.isdisjoint(brains)


def test_lakes_share_no_pseudonym_with_each_other_or_with_a_project(consortium: Consortium) -> None:
    lakes = [{one.person_id for one in known.values()} for known in consortium.subjects.values()]
    projects = [
        {one.pseudonym for site in sites.values() for one in site.values()}
        for sites in consortium.projects.values()
    ]
    assert [len(lake) for lake in lakes] == [A_SITE] * len(SITES)
    for one, other in itertools.combinations([*lakes, *projects], 2):
        assert one.isdisjoint(other)


def test_the_key_server_hears_points_that_never_repeat(consortium: Consortium) -> None:
    questions, answers = consortium.key_server.questions, consortium.key_server.answers
    assert {len(question) for question in questions} <= set(MESSAGE_SIZES)
    heard = [point for question in questions for point in question]
    said = [point for answer in answers for point in answer]
    assert len(heard) >= len(SITES) * A_SITE
    assert len({*heard, *said}) == len(heard) + len(said)
    assert all(rbcl.crypto_core_ristretto255_is_valid_point(point) for point in heard)


def test_tokens_are_nowhere_but_sealed_in_the_vault(consortium: Consortium) -> None:
    nationals = list(dict.fromkeys(itertools.chain(*consortium.patients.values())))
    server = EmbeddedKeyServer.of_seed(bytes(range(32)))
    tokens = linking.tokens([linking.message(one) for one in nationals], server, verify=False)
    pseudonyms = {one.person_id for known in consortium.subjects.values() for one in known.values()}
    pseudonyms |= {
        one.pseudonym
        for sites in consortium.projects.values()
        for site in sites.values()
        for one in site.values()
    }
    digits = len(next(iter(pseudonyms)))
    halves = {token.hex()[at : at + digits] for token in tokens for at in range(0, 128, digits)}
    assert pseudonyms.isdisjoint(halves)
    shared = [*zip(nationals, tokens, strict=True)][:50]
    secrets = [text for national, token in shared for text in (national.value, token.hex()[:64])]
    for home in consortium.homes.values():
        assert byte_search.find(home.root, secrets) == []


def _patients() -> dict[str, list[NationalId]]:
    numbers = itertools.count()
    known: dict[str, list[NationalId]] = {name: [] for name in SITES}
    for together in (SITES, *itertools.combinations(SITES, 2)):
        for _ in range(BY_ALL_THREE if len(together) == len(SITES) else BY_A_PAIR):
            national = _national(next(numbers))
            for name in together:
                known[name].append(national)
    for alone in known.values():
        while len(alone) < A_SITE:
            alone.append(_national(next(numbers)))
    return known


def _national(number: int) -> NationalId:
    """A woman's born in March 1979, somewhere."""
    return NationalId(
        oid=ins.NIR, value=ins.with_key(f"27903{51000001 + number:08d}"), status=IdentityStatus.QUALIFIED
    )


def _identity(site: str, place: int, national: NationalId) -> PatientIdentity:
    """What a site's record says: its own number, and the INS with what it can be held against."""
    return PatientIdentity(
        local=(LocalId(issuer="", value=Ipp(f"{site}{place:06d}")),),
        national=national,
        birth_date=dt.date(1979, 3, 1 + place % 31),
        sex=Sex.FEMALE,
    )
