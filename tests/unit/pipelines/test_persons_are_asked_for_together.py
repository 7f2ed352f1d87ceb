"""The key server is asked once for a thousand persons, and once for all that a batch of items names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from federim.home import Home
from federim.identity import newcomers
from federim.identity.exchange import Exchange
from federim.model.errors import KeyServerAway
from federim.model.identifiers import IdentityStatus, Ins, Ipp, LocalId, Merge, NationalId, PatientIdentity
from federim_pipelines import first_pass
from federim_pipelines.batches import read_batch
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.first_pass import learn_everybody
from federim_pipelines.items import Item, Reason
from federim_pipelines.progress import Silence
from federim_pipelines.subjects import Subjects
from federim_pipelines.worker import Task, close_worker

NIR = "1.2.250.1.213.1.4.8"


def somebody(number: int, *, ipp: str = "") -> PatientIdentity:
    matricule = 2500399999001 + number
    return PatientIdentity(
        local=(LocalId(issuer="", value=Ipp(ipp or f"IPP-{number}")),),
        national=NationalId(
            oid=NIR,
            value=Ins(f"{matricule}{97 - matricule % 97:02d}"),
            status=IdentityStatus.QUALIFIED,
        ),
    )


class Names:
    """Input that names persons, and nothing else."""

    def __init__(self, identities: Sequence[PatientIdentity], merges: Sequence[Merge] = ()) -> None:
        self._identities = identities
        self._merges = merges

    def merges(self) -> Iterator[Merge]:
        return iter(self._merges)

    def identities(self) -> Iterator[PatientIdentity]:
        return iter(self._identities)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many persons each question to the key server was about."""
    asked: list[int] = []
    linked = newcomers.Newcomers.linked

    def counted(self: newcomers.Newcomers, nationals: Sequence[NationalId]) -> object:
        asked.append(len(nationals))
        return linked(self, nationals)

    monkeypatch.setattr(newcomers.Newcomers, "linked", counted)
    return asked


def test_the_first_pass_asks_once_for_as_many_as_a_question_holds(
    site: Home, questions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_pass, "AT_ONCE", 10)
    told = [somebody(number) for number in range(25)]
    merges = [Merge(survivor=somebody(n), retired=somebody(n, ipp=f"OLD-{n}")) for n in range(30, 34)]
    known = learn_everybody(site, Names(told + told, merges), Silence())
    assert questions == [4, 10, 10, 5]
    assert (known.learned, known.away) == (54, False)
    with Exchange.open(site) as exchange:
        for each in merges:
            assert exchange.find(each.survivor) == exchange.find(each.retired) is not None


def bundle(number: int) -> dict[str, object]:
    identity = somebody(number)
    assert identity.national is not None
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "extension": [
            {
                "url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability",
                "extension": [
                    {"url": "identityStatus", "valueCoding": {"system": "v2-0445", "code": "VALI"}}
                ],
            }
        ],
        "identifier": [
            {
                "type": {"coding": [{"code": "INS-NIR"}]},
                "system": f"urn:oid:{NIR}",
                "value": identity.national.value,
            }
        ],
    }


def test_a_batch_nobody_of_which_is_known_asks_once(
    site: Home, write_file: Callable[..., Item], questions: list[int]
) -> None:
    task = Task(site.root, "basic", None, 2026)
    spans = [
        write_file(f"{n}.ndjson", [bundle(number) for number in range(n * 20, n * 20 + 20)]) for n in range(3)
    ]
    outcomes = read_batch(task, spans)
    close_worker(task)
    assert [len(outcome.records) for outcome in outcomes] == [20, 20, 20]
    assert [outcome.refusals for outcome in outcomes] == [[], [], []]
    assert questions == [60]


def test_a_batch_asks_once_as_well_when_nobody_answers(
    site: Home, write_file: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def away(_: object, nationals: Sequence[NationalId]) -> object:
        asked.append(len(nationals))
        raise KeyServerAway("no answer")

    monkeypatch.setattr(newcomers.Newcomers, "linked", away)
    task = Task(site.root, "basic", None, 2026)
    for turn in range(2):
        item = write_file(f"{turn}.ndjson", [bundle(number) for number in range(20)])
        [outcome] = read_batch(task, [item])
        assert [refusal.reason for refusal in outcome.refusals] == [Reason.PARKED] * 20
    close_worker(task)
    assert asked == [20]  # nor is it asked again moments later


def no_answer(*_: object) -> object:
    raise KeyServerAway("no answer")


def test_every_refusal_of_the_exchange_has_its_reason(site: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def reason(ask: Callable[[PatientIdentity, str], object], identity: PatientIdentity) -> Reason:
        with pytest.raises(Unusable) as refused:
            ask(identity, "PID-3")
        assert refused.value.detail == "PID-3"
        return refused.value.reason

    with Exchange.open(site) as exchange:
        subjects = Subjects(exchange)
        blank = PatientIdentity(local=(LocalId(issuer="", value=Ipp(" ")),))
        assert reason(subjects.learn, blank) is reason(subjects.find, blank) is Reason.IDENTITY_REFUSED
        monkeypatch.setattr(newcomers.Newcomers, "linked", no_answer)
        waits = somebody(1)
        assert reason(subjects.learn, waits) is reason(subjects.find, waits) is Reason.PARKED
        by_number = PatientIdentity(local=waits.local)
        assert reason(subjects.learn, by_number) is reason(subjects.find, by_number) is Reason.PARKED
        exchange.stop_waiting()
        assert not subjects.learn(by_number, "PID-3").linked
