"""Whatever the order in which the versions of a record are read, the last one is what the lake says."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake
from federim_pipelines.intake import Intake
from federim_pipelines.items import LAST, Fate, Item, Outcome, Reason, Record, Refusal
from federim_pipelines.review import Review
from federim_pipelines.settling import Settlement

PERSON = "a" * 32


def digest(text: str) -> bytes:
    return hashlib.md5(text.encode()).digest()


def document(version: int | None, *results: float, key: str = "document") -> Record:
    rows = tuple(
        (
            "measurement",
            {
                "person_id": PERSON,
                "measurement_id": digest(f"{key} {place}").hex(),
                "measurement_source_value": "2160-0",
                "value_as_number": value,
            },
        )
        for place, value in enumerate(results)
    )
    return Record(
        key=digest(key), content=digest(f"{version} {results}"), rows=rows, version=version, position=1
    )


class Run:
    """One run over made-up outcomes, each of a file of its own."""

    def __init__(self, home: Home, open_intake: Callable[..., Intake]) -> None:
        self.home = home
        self._open_intake = open_intake
        self.fates: dict[str, Fate] = {}

    def read(self, *files: Sequence[Record | Refusal], together: bool = True) -> Intake:
        outcomes = [
            Outcome(
                Item(source="test", path=Path(f"f{number}")),
                [part for part in parts if isinstance(part, Record)],
                [part for part in parts if isinstance(part, Refusal)],
            )
            for number, parts in enumerate(files)
        ]
        with Lake(self.home).writing() as writer, Review(self.home) as review:
            intake = self._open_intake(self.home, writer, review, "r", self._settled)
            for batch in [outcomes] if together else [[outcome] for outcome in outcomes]:
                intake.take(batch)
            intake.close()
            intake.finish({"run_id": "r", "started_at": _now(), "version": "0", "policy": "none"})
        return intake

    def _settled(self, path: Path, settlement: Settlement, /) -> None:
        self.fates[path.name] = settlement.fate

    @property
    def results(self) -> list[float]:
        with connect_home(self.home) as connection:
            found = query(connection, "SELECT value_as_number AS v FROM measurement ORDER BY v", seconds=9)
        return list(found["v"].to_pylist())


def _now() -> object:
    import datetime as dt

    return dt.datetime(2026, 1, 1)


@pytest.fixture
def run(site: Home, open_intake: Callable[..., Intake]) -> Run:
    return Run(site, open_intake)


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_initial_replaced_and_deleted_leave_nothing(run: Run, order: tuple[int, ...], together: bool) -> None:
    told = [document(1, 80.0, 5.0), document(2, 81.0), document(LAST)]
    run.read(*([told[place]] for place in order), together=together)
    assert run.results == []
    run.read(*([record] for record in told))  # and reading all of it again brings nothing back
    assert run.results == []


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_the_greatest_version_stands(run: Run, order: tuple[int, ...], together: bool) -> None:
    told = [document(1, 80.0, 5.0), document(2, 81.0), document(3, 82.0, 6.0, 7.0)]
    intake = run.read(*([told[place]] for place in order), together=together)
    assert run.results == [6.0, 7.0, 82.0]
    counts = intake.tally.report("r", 0.0).records
    assert (counts.read, counts.quarantined) == (3, 0)


def test_the_same_version_saying_something_else_is_a_conflict(run: Run) -> None:
    intake = run.read([document(2, 81.0)], [document(2, 90.0)])
    assert run.results == [81.0]
    assert intake.tally.reasons == {Reason.RECORD_CHANGED: 1}
    assert run.fates == {"f0": Fate.ACCEPTED, "f1": Fate.QUARANTINED}


def test_a_record_that_is_never_replaced_stays_what_it_was(run: Run) -> None:
    run.read([document(None, 81.0)], [document(7, 90.0)])
    assert run.results == [81.0]
    assert run.fates["f1"] is Fate.QUARANTINED


def test_a_document_that_is_hidden_later_goes_and_its_file_is_quarantined_once_it_is_gone(run: Run) -> None:
    hidden = Refusal(reason=Reason.CONFIDENTIAL, position=1, detail="MASQUE_PS")
    run.read([document(1, 80.0)])
    run.read([hidden, document(2)])
    assert (run.results, run.fates) == ([], {"f0": Fate.ACCEPTED})  # it took something out
    run.read([hidden, document(2)])
    assert run.fates == {"f0": Fate.QUARANTINED}


def test_a_hidden_document_that_was_never_there_is_quarantined(run: Run) -> None:
    run.read([Refusal(reason=Reason.CONFIDENTIAL, position=1), document(1)], [document(1, 80.0)])
    assert run.results == []
    assert run.fates == {"f0": Fate.QUARANTINED, "f1": Fate.DUPLICATE}


def test_what_was_withdrawn_for_good_is_refused_as_such(run: Run) -> None:
    intake = run.read([document(LAST)], [document(None, 80.0)])
    assert run.results == []
    assert intake.tally.reasons == {Reason.WITHDRAWN: 1}
    assert run.fates == {"f0": Fate.ACCEPTED, "f1": Fate.QUARANTINED}


def test_every_record_is_counted_once(run: Run) -> None:
    intake = run.read([document(1, 80.0)], [document(2, 81.0)], [document(1, 80.0)], [document(2, 81.0)])
    counts = intake.tally.report("r", 0.0).records
    assert (counts.accepted, counts.replaced, counts.duplicates) == (2, 1, 2)
    assert run.fates == {
        "f0": Fate.ACCEPTED,
        "f1": Fate.ACCEPTED,
        "f2": Fate.DUPLICATE,
        "f3": Fate.DUPLICATE,
    }


def test_a_later_version_that_says_the_same_makes_those_between_older(run: Run) -> None:
    same = Record(key=document(1, 80.0).key, content=document(1, 80.0).content, rows=(), version=3)
    again = dataclasses.replace(same, rows=document(1, 80.0).rows)
    intake = run.read([document(1, 80.0)], [again], [document(2, 90.0)], together=False)
    assert run.results == [80.0]
    assert intake.tally.records_duplicate == 2
    run.read([document(4, 91.0)])
    assert run.results == [91.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_one_version_the_withdrawal_stands(run: Run, order: tuple[int, int]) -> None:
    told = [document(1, 80.0), document(1)]
    intake = run.read(*([told[place]] for place in order))
    assert (run.results, intake.tally.reasons) == ([], {})


def test_two_withdrawals_for_good_are_one(run: Run) -> None:
    other = dataclasses.replace(document(LAST), content=b"x" * 16)
    intake = run.read([document(LAST)], [other])
    assert intake.tally.reasons == {}
    assert intake.tally.records_duplicate == 1


ORDER = digest("order")


@pytest.mark.parametrize("together", [True, False], ids=["one run", "a run each"])
@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_a_cancelled_order_takes_along_what_was_sent_for_it(
    run: Run, order: tuple[int, ...], together: bool
) -> None:
    told = [
        dataclasses.replace(document(1, 80.0, 5.0, key="one"), under=ORDER),
        dataclasses.replace(document(2, 81.0, key="two"), under=ORDER),
        dataclasses.replace(document(LAST), key=ORDER),
    ]
    other = document(1, 99.0, key="of another order")
    files = [[other], *([told[place]] for place in order)]
    for some in [files] if together else [[file] for file in files]:
        assert run.read(*some).tally.reasons == {}
    assert run.results == [99.0]
    run.read(*([record] for record in told), [other])
    assert run.results == [99.0]
