"""A record of a greater version takes the place of all that the earlier one brought."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from federim.home import Home
from federim.lake.entered import Entered
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake, LakeWriter
from federim.model.errors import LakeError

DOCUMENT = b"d" * 16


def say(writer: LakeWriter, version: int, *rows: tuple[str, Any]) -> dict[str, int]:
    by_table: dict[str, list[Any]] = {}
    for name, row in rows:
        by_table.setdefault(name, []).append(row)
    entered = Entered(bytes([version]) * 16, version, writer.places(rows))
    return writer.commit(by_table, {DOCUMENT: entered})


def held(home: Home, table: str, key: str) -> list[Any]:
    with connect_home(home) as connection:
        found = query(connection, f"SELECT {key} AS k FROM {table} ORDER BY k", seconds=9)
    return found["k"].to_pylist()


def test_rows_that_the_new_version_does_not_bring_go_and_the_others_change(site: Home, rows: Any) -> None:
    other = ("measurement", rows.measurement(name="other", person="p2"))
    with Lake(site).writing() as writer:
        writer.commit({"measurement": [other[1]]}, {})
        say(
            writer,
            1,
            ("person", rows.person()),
            ("measurement", rows.measurement(name="m1", value_as_number=1.0)),
            ("measurement", rows.measurement(name="m2", value_as_number=2.0)),
            ("condition_occurrence", rows.condition("c1")),
        )
        added = say(
            writer,
            2,
            ("person", rows.person()),
            ("measurement", rows.measurement(name="m2", value_as_number=2.5)),
            ("measurement", rows.measurement(name="m3", value_as_number=3.0)),
        )
    assert added == {"person": 0, "measurement": 1, "condition_occurrence": 0}
    assert held(site, "measurement", "value_as_number") == [2.5, 3.0, 12.0]
    assert held(site, "condition_occurrence", "condition_source_value") == []
    assert len(held(site, "person", "person_id")) == 1  # told of by many records, so it stays


def test_a_withdrawn_record_leaves_nothing_and_can_come_back(site: Home, rows: Any) -> None:
    with Lake(site).writing() as writer:
        say(writer, 1, ("measurement", rows.measurement()))
        say(writer, 2)
        assert writer.known([DOCUMENT]) == {DOCUMENT: Entered(b"\2" * 16, 2)}
    assert held(site, "measurement", "measurement_id") == []
    with Lake(site).writing() as writer:
        say(writer, 3, ("measurement", rows.measurement()))
    assert len(held(site, "measurement", "measurement_id")) == 1


@pytest.mark.parametrize("order", [*permutations(["m1", "m2", "m3"])])
def test_the_last_version_is_all_there_is_however_rows_are_shared(
    site: Home, rows: Any, order: tuple[str, ...]
) -> None:
    with Lake(site).writing() as writer:
        for version, names in enumerate((order, order[:2], order[1:], order[:1]), start=1):
            say(writer, version, *(("measurement", rows.measurement(name=name)) for name in names))
    assert held(site, "measurement", "measurement_id") == [rows.measurement(name=order[0])["measurement_id"]]


def test_whole_rows_are_replaced_and_others_taken_out_in_one_batch(site: Home, rows: Any) -> None:
    with Lake(site).writing() as writer:
        writer.commit({"image_occurrence": [rows.series(series=1), rows.series(series=2)]}, {})
        writer.replace(
            {"image_occurrence": [rows.series(series=1, KVP=80.0)]},
            gone={"image_occurrence": [rows.series(series=2)]},
            dropped=(),
        )
        with pytest.raises(LakeError, match="expected each to be in the lake"):
            writer.replace({}, gone={"image_occurrence": [rows.series(series=2)]}, dropped=())
        # What is gone may come again.
        writer.commit({"image_occurrence": [rows.series(series=2)]}, {})
    assert held(site, "image_occurrence", '"KVP"') == [80.0, None]


def test_an_index_of_an_earlier_version_goes_on(site: Home, rows: Any) -> None:
    import sqlite3

    with sqlite3.connect(site.index) as old:
        old.execute("CREATE TABLE record (key BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO record VALUES (?, ?)", (b"o" * 16, b"c" * 16))
    old.close()
    with Lake(site).writing() as writer:
        assert writer.known([b"o" * 16]) == {b"o" * 16: Entered(b"c" * 16)}
        say(writer, 1, ("measurement", rows.measurement()))
        assert writer.known([DOCUMENT])[DOCUMENT].version == 1


def test_a_row_that_becomes_another_persons_leaves_none_behind(site: Home, rows: Any) -> None:
    persons = [f"p{number}" for number in range(8)]  # of several buckets
    with Lake(site).writing() as writer:
        for version, person in enumerate(persons, start=1):
            say(writer, version, ("measurement", rows.measurement(person=person)))
    assert held(site, "measurement", "person_id") == [rows.person(persons[-1])["person_id"]]
