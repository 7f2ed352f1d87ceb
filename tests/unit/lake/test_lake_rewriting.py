"""Whoever is taken out of a lake, whatever it went through before: the others' rows stay as they are."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim.home import Home, Role
from federim.lake import snapshot, tables
from federim.lake.declaration import Table
from federim.lake.entered import Entered, Place
from federim.lake.index import Index
from federim.lake.rewriting import Change, rewrite
from federim.lake.schema import TABLES
from federim.lake.staging import Erasure
from federim.lake.tables import Lake
from federim.model.errors import LakeError, SchemaError
from federim.model.identifiers import Pseudonym

Rows = Counter[tuple[Any, ...]]

PERSONS = ["p0", "p1", "p2", "p3"]


def live(home: Home) -> dict[str, Rows]:
    """The rows of the live tables, by person."""
    found: dict[str, Rows] = {}
    for name, table in TABLES.items():
        for path in Lake(home).files(name) if table.person else ():
            for row in pq.read_table(path, partitioning=None).to_pylist():
                found.setdefault(row["person_id"], Counter())[(name, *row.items())] += 1
    return found


def anywhere(home: Home) -> set[str]:
    """Whoever is in a Parquet file, live or not."""
    folders = (home.lake, home.snapshots)
    files = [
        path for folder in folders for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts
    ]
    return {
        person
        for path in files
        for person in pq.read_table(path, columns=["person_id"], partitioning=None)["person_id"].to_pylist()
    }


said = st.lists(  # what a batch says: of whom, which series of a few, and which result
    st.tuples(st.sampled_from(PERSONS), st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=8
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.tuples(said, st.booleans()), min_size=1, max_size=3),
    gone=st.sets(st.sampled_from(PERSONS), min_size=1),
    join=st.booleans(),
)
def test_others_keep_each_row_and_who_is_gone_has_none(
    batches: list[tuple[list[tuple[str, int, int]], bool]],
    gone: set[str],
    join: bool,
    rows: Any,
    person_id: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from federim.database import migrate

    monkeypatch.setattr(tables, "FILES_BETWEEN_RUNS", 1 if join else 100)
    home = Home.create(tmp_path_factory.mktemp("homes") / "alpha", role=Role.SITE, name="alpha")
    migrate(home)
    (home.cohorts / "ct.toml").write_text('title = "CT"\n\n[[series]]\nModality = "CT"\n')
    for number, (batch, freeze) in enumerate(batches):
        with Lake(home).writing() as writer:
            writer.commit(
                {
                    "person": [rows.person(person) for person, *_ in batch],
                    "image_occurrence": [
                        rows.series(person, int(f"{PERSONS.index(person) + 1}{series}"), SizeBytes=number)
                        for person, series, _ in batch
                    ],
                    "measurement": [rows.measurement(person, f"{person}{name}") for person, _, name in batch],
                },
                {},
            )
        if freeze:
            snapshot.freeze(home, "ct")
    before, frozen = live(home), [one.id for one in snapshot.every(home)]
    with Lake(home).writing() as writer:
        changes = [Change(person_id=Pseudonym(person_id(person)), into=None) for person in gone]
        done = rewrite(home, writer, *changes)
    left = {person: held for person, held in before.items() if person not in map(person_id, gone)}
    assert live(home) == left
    assert anywhere(home).isdisjoint(map(person_id, gone))
    assert sum(done.tables.values()) == sum(
        held.total() for person, held in before.items() if person not in left
    )
    for id_ in frozen:
        snapshot.verify(home, snapshot.load(home, id_))


@pytest.fixture
def two(site: Home, fill: Callable[..., Any], rows: Any) -> Home:
    """P1 and p2, with a result and a series each; merged into, so that delta-rs wrote its own files."""
    for value in (1950, 1960):
        fill(
            {
                "person": [rows.person("p1", year_of_birth=value), rows.person("p2")],
                "image_occurrence": [rows.series("p1", 1), rows.series("p2", 2)],
                "measurement": [rows.measurement("p1", "m1"), rows.measurement("p2", "m2")],
            }
        )
    return site


def forget(home: Home, person: str) -> None:
    with Lake(home).writing() as writer:
        rewrite(home, writer, Change(person_id=Pseudonym(person), into=None))


def test_the_log_has_one_entry_and_a_checkpoint(two: Home, person_id: Callable[[str], str]) -> None:
    forget(two, person_id("p1"))
    for name in ("person", "image_occurrence", "measurement"):
        log = two.lake / name / "_delta_log"
        version = DeltaTable(two.lake / name).version()
        assert {path.name for path in log.iterdir()} == {
            "_last_checkpoint",
            f"{version:020}.json",
            f"{version:020}.checkpoint.parquet",
        }


def test_another_engine_reads_and_writes_what_was_rewritten(
    two: Home, person_id: Callable[[str], str], rows: Any
) -> None:
    forget(two, person_id("p1"))
    table = DeltaTable(two.lake / "measurement")
    assert table.to_pyarrow_table()["person_id"].to_pylist() == [person_id("p2")]
    assert table.transaction_version("federim") == 3
    write_deltalake(table, table.to_pyarrow_table(), mode="append")
    assert DeltaTable(two.lake / "measurement").to_pyarrow_table().num_rows == 2


def test_a_log_repeats_no_value_of_a_row(two: Home, rows: Any) -> None:
    log = "".join(path.read_text() for path in two.lake.glob("*/_delta_log/*.json"))
    added = [json.loads(line)["add"] for line in log.splitlines() if '"add"' in line]
    told = [json.loads(add["stats"]) for add in added if "bucket" in add["partitionValues"]]
    assert told
    assert all(not stats.get("minValues") and not stats.get("maxValues") for stats in told)
    for row in (rows.person("p1"), rows.series("p1", 1), rows.measurement("p1", "m1")):
        for name in ("person_id", "measurement_id", "SeriesInstanceUID"):
            assert row.get(name, "nobody") not in log


def test_a_table_of_an_earlier_version_stops_repeating_values(
    two: Home, person_id: Callable[[str], str], rows: Any, fill: Callable[..., Any]
) -> None:
    place = two.lake / "measurement"
    DeltaTable(place).alter.set_table_properties(
        {"delta.dataSkippingStatsColumns": "measurement_source_value"}
    )
    fill({"measurement": [rows.measurement("p1", "m9")]})
    last = (place / "_delta_log" / f"{DeltaTable(place).version():020}.json").read_text()
    assert "1988-5" not in last


def test_the_rows_that_replace_others_are_checked(two: Home, person_id: Callable[[str], str]) -> None:
    before = live(two)

    def fewer(table: Table, rows: pa.Table) -> pa.Table:
        return rows.slice(1)

    def others(table: Table, rows: pa.Table) -> pa.Table:
        return rows.select(["person_id"])

    def misspelt(table: Table, rows: pa.Table) -> pa.Table:
        return rows.set_column(0, rows.schema.field(0), pa.array(["someone"] * rows.num_rows))

    for into, said in ((fewer, "expected as many"), (others, "columns"), (misspelt, "32 hexadecimal")):
        with Lake(two).writing() as writer, pytest.raises(SchemaError, match=said):
            rewrite(two, writer, Change(person_id=Pseudonym(person_id("p1")), into=into))
    assert live(two) == before


def test_records_of_an_earlier_version_are_found_by_their_rows(
    site: Home, rows: Any, person_id: Callable[[str], str]
) -> None:
    told = [("measurement", rows.measurement("p1", "m1"))]
    with Lake(site).writing() as writer:
        records = {
            b"1" * 16: Entered(b"c" * 16, 1, writer.places(told)),
            b"w" * 16: Entered(b"c" * 16, 2),  # withdrawn: it keeps an earlier version from coming back
        }
        writer.commit({"measurement": [row for _, row in told]}, records)
        rewrite(site, writer, Change(person_id=Pseudonym(person_id("p1")), into=None))
        assert writer.known(records) == {b"w" * 16: records[b"w" * 16]}


def test_the_index_holds_nothing_of_who_is_gone(tmp_path: Path) -> None:
    """Among so many records that pages were split, which keep copies of what moved."""
    draw = random.Random(5)
    keys = [draw.randbytes(16) for _ in range(20_000)]
    index = Index(tmp_path / "index")
    for batch in range(100):
        records = {
            key: Entered(b"c" * 16, 1, (Place("measurement", 1, (key.hex() * draw.randint(1, 5),)),))
            for key in keys[batch::100]
        }
        index.remember(batch, records, [key[::-1] for key in records])
    gone = tuple(keys[::40])
    index.remember(100, {}, (), forgotten=[key[::-1] for key in gone], erasure=Erasure(gone, (), {}))
    index.clean()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("index*"))
    left = sum(told in content for key in gone for told in (key, key[::-1], key.hex().encode()))
    assert (left, len(index.records(keys))) == (0, len(keys) - len(gone))
    index.close()


def test_a_second_time_is_told_anew(
    two: Home, fill: Callable[..., Any], rows: Any, person_id: Callable[[str], str]
) -> None:
    person = Pseudonym(person_id("p1"))
    for count in (1, 5):
        fill({"measurement": [rows.measurement("p1", f"again {count}|{n}") for n in range(count)]})
        before = sum(row[0] == "measurement" for row in live(two)[person])
        with Lake(two).writing() as writer:
            assert rewrite(two, writer, Change(person_id=person, into=None)).tables["measurement"] == before


def test_an_index_that_is_being_read_is_said(
    two: Home, person_id: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = sqlite3.connect(two.index, isolation_level=None)
    with Lake(two).writing() as writer:
        writer.index._connection.execute("PRAGMA busy_timeout = 50")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM row").fetchall()
        try:
            with pytest.raises(LakeError, match="index is being read"):
                rewrite(two, writer, Change(person_id=Pseudonym(person_id("p1")), into=None))
        finally:
            reader.close()
        assert rewrite(two, writer, Change(person_id=Pseudonym(person_id("p1")), into=None)).rows_left == 0


def test_a_table_whose_file_is_gone_is_said(two: Home, person_id: Callable[[str], str]) -> None:
    Lake(two).files("measurement")[0].unlink()
    with (
        Lake(two).writing() as writer,
        pytest.raises(LakeError, match="1 files of table measurement are gone"),
    ):
        rewrite(two, writer, Change(person_id=Pseudonym(person_id("p1")), into=None))
