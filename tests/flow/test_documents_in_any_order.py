"""A document made, replaced and taken back leaves the same, whichever of the three is read first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path

import pytest
from clinical_messages import Result, Someone, cda_biology, embedded

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.items import Reason
from federim_pipelines.run import ingest

SOMEONE = Someone.born(1961, 4, 7)
DAY = dt.datetime(2024, 3, 1, 8)


def report(version: int, number: float, **said: str) -> bytes:
    return cda_biology(SOMEONE, [Result(DAY, number)], version=version, **said)


def named(name: str, number: float, *, replaces: str = "") -> bytes:
    """A document outside any set."""
    return report(1, number, set_id="", document=name, replaces=replaces)


TOLD = {
    "made": embedded(SOMEONE, report(1, 80), order="NW"),
    "replaced": embedded(SOMEONE, report(2, 90), order="RO"),
    "deleted": embedded(SOMEONE, report(2, 90), order="CA"),
    "hidden": embedded(SOMEONE, report(2, 90), order="RO", flags=["MASQUE_PS"]),
    "first file": report(1, 80),
    "a": named("a", 80),
    "b instead of a": named("b", 90, replaces="a"),
    "c instead of b": named("c", 100, replaces="b"),
}


def what_is_left(home: Home) -> tuple[list[float], int]:
    """The results in the lake, and how many documents."""
    with connect_home(home) as connection:
        numbers = query(connection, "SELECT value_as_number AS n FROM measurement ORDER BY 1", seconds=60)
        reports = query(connection, "SELECT count(*) AS n FROM report", seconds=60)
    return numbers["n"].to_pylist(), reports["n"][0].as_py()


def read_one_after_the_other(home: Home, inbox: Path, contents: Sequence[bytes]) -> set[Reason]:
    """What was refused on the way."""
    reasons: set[Reason] = set()
    for place, content in enumerate(contents):
        folder = inbox / f"run-{place}"
        folder.mkdir()
        (folder / "file").write_bytes(content)
        reasons |= ingest(home, [folder]).reasons.keys()
    return reasons


def read_at_once(home: Home, inbox: Path, contents: Sequence[bytes]) -> set[Reason]:
    for place, content in enumerate(contents):
        (inbox / f"{place}").write_bytes(content)
    return set(ingest(home, [inbox]).reasons)


Read = Callable[[Home, Path, Sequence[bytes]], set[Reason]]
Names = tuple[str, ...]


def orders(*names: str) -> list[Names]:
    return [*permutations(names)]


def of(names: Names) -> list[bytes]:
    return [TOLD[name] for name in names]


@pytest.mark.parametrize("names", orders("made", "replaced", "deleted"), ids=", ".join)
@pytest.mark.parametrize("read", [read_one_after_the_other, read_at_once])
def test_a_document_taken_back_is_gone(site: Home, inbox: Path, names: Names, read: Read) -> None:
    read(site, inbox, of(names))
    assert what_is_left(site) == ([], 0)


@pytest.mark.parametrize(
    "names", orders("made", "replaced") + orders("first file", "replaced"), ids=", ".join
)
def test_the_later_version_stands(site: Home, inbox: Path, names: Names) -> None:
    assert read_one_after_the_other(site, inbox, of(names)) == set()
    assert what_is_left(site) == ([90], 1)


@pytest.mark.parametrize("names", orders("made", "hidden"), ids=", ".join)
def test_a_document_that_is_hidden_later_is_gone(site: Home, inbox: Path, names: Names) -> None:
    assert read_one_after_the_other(site, inbox, of(names)) == {Reason.CONFIDENTIAL}
    assert what_is_left(site) == ([], 0)


@pytest.mark.parametrize("names", orders("a", "b instead of a", "c instead of b"), ids=", ".join)
def test_documents_without_a_set_replace_each_other_by_name(site: Home, inbox: Path, names: Names) -> None:
    read_one_after_the_other(site, inbox, of(names))
    assert what_is_left(site) == ([100], 1)


def test_the_same_document_by_two_ways_is_one(site: Home, inbox: Path) -> None:
    assert read_one_after_the_other(site, inbox, of(("made", "first file", "made"))) == set()
    assert what_is_left(site) == ([80], 1)


def test_two_sets_of_one_patient_stay_two(site: Home, inbox: Path) -> None:
    read_at_once(site, inbox, [report(1, 80), report(2, 90, set_id="other")])
    assert what_is_left(site) == ([80, 90], 2)
