"""Tables of an earlier version become those declared now, step by step; of a later one, nobody writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

from federim.home import Home
from federim.lake import evolution, snapshot
from federim.lake.declaration import Table
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.delta import DeltaWriter
from federim.lake.evolution import FIRST, PROPERTY, STEPS, Step, due, version
from federim.lake.maintenance.checking import check
from federim.lake.person_rows import Copies
from federim.lake.prepare import placed
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.errors import LakeError

Commit = Callable[[dict[str, list[dict[str, Any]]]], dict[str, int]]
Select = Callable[[str], list[dict[str, Any]]]
EVERYONE = 'title = "Everyone"\n[person]\nyear_of_birth = { at_least = 1900 }\n'


def version_of(home: Home, table: Table) -> int:
    told = DeltaTable(home.lake / table.name).metadata().configuration
    return int(told.get(PROPERTY, FIRST))


def as_first_made(home: Home, table: Table, rows: list[dict[str, Any]]) -> None:
    """A table as the first version made it: without later columns, and without a version."""
    later = {column.name for column in table.columns if column.added_later}
    declared = pa.schema([column.arrow for column in table.columns if column.name not in later])
    content = placed(table, pa.Table.from_pylist(rows, schema=declared), home.secret("bucket"))
    write_deltalake(home.lake / table.name, content, partition_by=["bucket"])


def in_pounds(rows: pa.Table) -> pa.ChunkedArray:
    return pc.coalesce(rows["value_source_number"], pc.multiply(rows["value_as_number"], 2.0))


def fill_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step(table="measurement", to=3, filled={"value_source_number": in_pounds})
    monkeypatch.setattr(evolution, "STEPS", (*STEPS, step))


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_later_column_is_added_by_one_step(table: Table) -> None:
    steps = due(table, FIRST)
    added = [name for step in steps for name in step.added]
    assert sorted(added) == sorted(column.name for column in table.columns if column.added_later)
    assert [step.to for step in steps] == list(range(FIRST + 1, version(table) + 1))


def test_a_fill_touches_no_column_that_orders_rows() -> None:
    for step in STEPS:
        table = TABLES[step.table]
        assert not step.filled.keys() & {*table.key, *table.sort}


def test_a_table_that_the_first_version_made_is_brought_to_this_one(
    site: Home, fill: Commit, select: Select, rows: Any
) -> None:
    old = rows.measurement(name="old")
    del old["unit"]
    as_first_made(site, MEASUREMENT, [old])
    before = {path: path.read_bytes() for path in Lake(site).files("measurement")}
    assert version_of(site, MEASUREMENT) == FIRST
    fill({"measurement": [rows.measurement(name="new")], "person": [rows.person()]})
    assert version_of(site, MEASUREMENT) == version(MEASUREMENT) > FIRST
    held = {field.name: field.type for field in pa.schema(DeltaTable(site.lake / "measurement").schema())}
    assert held.keys() == set(MEASUREMENT.arrow.names)
    assert [row["unit"] for row in select("SELECT unit FROM measurement ORDER BY unit")] == ["mg/L", None]
    assert {path: path.read_bytes() for path in before} == before
    assert check(site).problems == ()


def test_a_new_table_says_its_version(site: Home, fill: Commit, rows: Any) -> None:
    fill({"measurement": [rows.measurement()], "person": [rows.person()], "quarantine": [rows.quarantine()]})
    for name in ("measurement", "person", "quarantine"):
        assert version_of(site, TABLES[name]) == version(TABLES[name])


def test_nobody_writes_to_a_table_of_a_later_version(
    site: Home, fill: Commit, select: Select, rows: Any
) -> None:
    fill({"measurement": [rows.measurement()]})
    DeltaTable(site.lake / "measurement").alter.set_table_properties(
        {PROPERTY: "99"}, raise_if_not_exists=False
    )
    with pytest.raises(LakeError, match="of version 99, written by a later Federim"):
        fill({"measurement": [rows.measurement(name="m2")]})
    assert select("SELECT count(*) AS n FROM measurement") == [{"n": 1}]


def test_a_step_fills_live_rows_and_no_pinned_one(
    site: Home, fill: Commit, select: Select, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = rows.measurement("p2", "m2", value_source_number=7.0)
    people = [rows.person("p1", year_of_birth=1950), rows.person("p2", year_of_birth=1951)]
    fill({"measurement": [rows.measurement(), own], "person": people})
    (site.cohorts / "all.toml").write_text(EVERYONE)
    frozen = snapshot.freeze(site, "all")
    batch = check(site).batch
    fill_twice(monkeypatch)
    with Lake(site).writing() as writer:
        writer.commit({"measurement": [rows.measurement(name="m3")]}, {})
    assert version_of(site, MEASUREMENT) == 3
    told = select("SELECT value_source_number AS n FROM measurement ORDER BY n NULLS LAST")
    assert [row["n"] for row in told] == [7.0, 24.0, None]  # the last came after
    snapshot.verify(site, frozen)
    with snapshot.connect(site, frozen) as connection:
        pinned = connection.sql("SELECT value_source_number FROM measurement ORDER BY 1 NULLS LAST")
        assert pinned.fetchall() == [(7.0,), (None,)]
    checked = check(site)
    assert (checked.problems, checked.batch) == ((), batch + 1)


def test_a_step_cut_short_is_taken_again_to_the_same_files(
    site: Home, fill: Commit, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill({"measurement": [rows.measurement(), rows.measurement("p2", "m2")]})
    fill_twice(monkeypatch)
    place = site.lake / "measurement"

    def opened() -> list[Path]:
        DeltaWriter(place, MEASUREMENT, Copies())
        return Lake(site).files("measurement")

    once = opened()
    DeltaTable(place).alter.set_table_properties({PROPERTY: "2"}, raise_if_not_exists=False)  # not yet said
    assert opened() == once
    assert version_of(site, MEASUREMENT) == 3


def test_a_table_without_persons_is_filled_too(
    site: Home, fill: Commit, select: Select, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill({"quarantine": [rows.quarantine("q1"), rows.quarantine("q2", source="pacs")]})

    def shout(given: pa.Table) -> pa.ChunkedArray:
        return pc.utf8_upper(given["source"])

    step = Step(table="quarantine", to=2, filled={"source": shout})
    monkeypatch.setattr(evolution, "STEPS", (*STEPS, step))
    fill({"quarantine": [rows.quarantine("q3")]})
    assert [row["source"] for row in select("SELECT source FROM quarantine ORDER BY 1")] == [
        "FOLDER",
        "PACS",
        "folder",
    ]
