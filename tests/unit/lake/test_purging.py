"""Whatever dates persons' rows have: exactly those that are too old go, live and pinned, and no other one."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from federim.database import alias, migrate
from federim.home import Home, Role
from federim.lake import images, purging, snapshot
from federim.lake.rewriting import rewrite
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.identifiers import Pseudonym

PERSONS = ("anna", "bert", "cleo")
EPOCH = date(2004, 1, 1)
COHORT = 'title = "All"\n[person]\nyear_of_birth = { at_least = 1900 }\n'

Row = dict[str, Any]
days = st.none() | st.integers(-400, 400).map(lambda number: EPOCH + timedelta(days=number))


@dataclass(frozen=True)
class Study:
    """A study and its series, of one instance each."""

    day: date | None
    series: tuple[date | None, ...]


@dataclass(frozen=True)
class Past:
    """What is told of one person: dates alone matter."""

    studies: tuple[Study, ...]
    results: tuple[date | None, ...]
    reports: tuple[tuple[date | None, date | None], ...]  # a report, and a result that it tells
    since: date

    def rows(self, home: Home, name: str) -> Iterator[tuple[str, Row, date | None]]:
        """Every row of the person, with its table and the last day it stays: an oracle of its own."""
        known = [day for study in self.studies for day in (study.day, *study.series)]
        known += [*self.results, *(day for pair in self.reports for day in pair)]
        last = max((day for day in known if day is not None), default=None)
        of: Row = {"person_id": digest(name)}
        yield "person", {**of, "site": "alpha", "year_of_birth": 1950}, last
        for number, study in enumerate(self.studies):
            own = [day for day in (study.day, *study.series) if day is not None]
            uid_ = {"StudyInstanceUID": uid(f"{name} {number}")}
            whole = max(own, default=last)
            yield "study", {**of, **uid_, "StudyDate": study.day}, whole
            for place, day in enumerate(study.series):
                yield from self._series(home, of, uid_, f"{name} {number} {place}", day, day or whole)
        for number, day in enumerate(self.results):
            yield "measurement", result(of, f"{name} result {number}", day), day or last
        for number, (report, day) in enumerate(self.reports):
            key = digest(f"{name} report {number}")
            told = {"report_id": key, "report_source_value": "18748-4", "version": 1, "report_date": report}
            yield "report", {**of, **told}, report or last
            row = {**result(of, f"{name} told {number}", day), "report_id": key}
            yield "measurement", row, day or report or last

    @staticmethod
    def _series(
        home: Home, of: Row, study: Row, name: str, day: date | None, last: date | None
    ) -> Iterator[tuple[str, Row, date | None]]:
        series = {"SeriesInstanceUID": uid(f"series {name}")}
        stored = images.store(home, f"DICM {name}".encode())
        described = {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SeriesDate": day}
        counted = {"NumberOfInstances": 1, "SizeBytes": stored.size}
        yield "image_occurrence", {**of, **study, **series, **described, **counted}, last
        instance = {**of, **series, "SOPInstanceUID": uid(f"instance {name}")}
        where = {"sha256": stored.sha256, "path": stored.path, "size": stored.size}
        yield "instance_file", {**instance, **where}, last


pasts = st.builds(
    Past,
    studies=st.lists(st.builds(Study, days, st.lists(days, max_size=2).map(tuple)), max_size=2).map(tuple),
    results=st.lists(days, max_size=3).map(tuple),
    reports=st.lists(st.tuples(days, days), max_size=2).map(tuple),
    since=st.integers(-300, 300).map(lambda number: EPOCH + timedelta(days=number)),
)


def digest(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def uid(name: str) -> str:
    return f"2.25.{10**37 + int(digest(name), 16) % 10**37}"


def result(of: Row, name: str, day: date | None) -> Row:
    return {
        **of,
        "measurement_id": digest(name),
        "measurement_source_value": "1988-5",
        "measurement_date": day,
    }


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that has read nothing yet."""
    home = Home.create(tmp_path_factory.mktemp("empty") / "alpha", role=Role.SITE, name="alpha")
    migrate(home)
    (home.cohorts / "all.toml").write_text(COHORT)
    connections[alias(home)].close()
    return home.root


@contextmanager
def hospital(empty: Path) -> Iterator[Home]:
    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(Path(shutil.copytree(empty, Path(folder) / "alpha")))
        yield home
        connections[alias(home)].close()


def keys(table: str, row: Row) -> tuple[Any, ...]:
    return (table, *(row[name] for name in TABLES[table].key))


def held(files: dict[str, list[Path]]) -> set[tuple[Any, ...]]:
    """Keys of all rows of some files."""
    return {
        keys(name, row)
        for name, paths in files.items()
        for path in paths
        for row in pq.read_table(path, partitioning=None).to_pylist()
    }


def live(home: Home) -> dict[str, list[Path]]:
    return {name: Lake(home).files(name) for name, table in TABLES.items() if table.person}


def pinned(home: Home) -> dict[str, list[Path]]:
    [frozen] = [snapshot.verify(home, each) for each in snapshot.every(home)]
    files: dict[str, list[Path]] = {}
    for file in frozen.files:
        files.setdefault(file.table, []).append(home.lake / file.path)
    return files


@settings(max_examples=12, deadline=None)
@given(told=st.lists(pasts, min_size=3, max_size=3))
def test_exactly_the_expired_rows_go_and_the_others_stay(empty: Path, told: list[Past]) -> None:
    with hospital(empty) as home:
        rows: dict[str, list[Row]] = {}
        stay, objects = set(), set()
        since = {}
        for name, past in zip(PERSONS, told, strict=True):
            since[Pseudonym(digest(name))] = past.since
            for table, row, last in past.rows(home, name):
                rows.setdefault(table, []).append(row)
                if last is None or last >= past.since:
                    stay.add(keys(table, row))
                    objects |= {row["path"]} if table == "instance_file" else set()
        with Lake(home).writing() as writer:
            writer.commit(rows, {})
        frozen = snapshot.freeze(home, "all")
        before = held(live(home))
        found = purging.expired(home, since)
        assert found.tables == Counter(key[0] for key in before - stay)
        with Lake(home).writing() as writer:
            part = {person: since[person] for person in found.part}
            done = rewrite(home, writer, *purging.changes(home, found.whole, part))
        assert held(live(home)) == held(pinned(home)) == stay
        assert snapshot.load(home, frozen.id).persons == sum(key[0] == "person" for key in stay)
        assert set(done.snapshots) == found.snapshots
        assert done.tables == found.tables and done.rows_left == 0
        there = {path.relative_to(home.objects).as_posix() for path in home.objects.rglob("*.dcm")}
        assert there == objects
        assert found.objects == len(rows.get("instance_file", ())) - len(objects)
        again = purging.expired(home, since)
        assert (again.whole, again.part, again.tables) == ((), (), {})
