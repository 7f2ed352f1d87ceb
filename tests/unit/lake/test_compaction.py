"""Compaction keeps every row, sorts over all files, and makes the same bytes of the same rows."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim.lake import compaction
from federim.lake.compaction import compacted, is_compact
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.order import in_order, total_order
from federim.lake.person_rows import write_rows

DECLARED = pa.schema([column.arrow for column in MEASUREMENT.columns])
LOOSE = pa.schema([field.with_nullable(True) for field in DECLARED])

persons = st.sampled_from([hashlib.md5(bytes([number])).hexdigest() for number in range(4)])
measurements = st.lists(
    st.fixed_dictionaries(
        {
            "person_id": persons,
            "measurement_id": st.integers(0, 1_000).map(lambda n: hashlib.md5(str(n).encode()).hexdigest()),
            "measurement_source_value": st.sampled_from(["1988-5", "14682-9", "é", "718-7", ""]),
            "measurement_date": st.none() | st.dates(date(2020, 1, 1), date(2020, 1, 3)),
            "value_as_number": st.none() | st.floats(allow_nan=False),
        }
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row["measurement_id"],
)


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=LOOSE).cast(DECLARED)


def written(folder: Path, rows: list[dict[str, Any]], cuts: list[int]) -> list[Path]:
    """The rows in several files, in the order given."""
    ends = sorted({min(cut, len(rows)) for cut in cuts} | {len(rows)})
    starts = [0, *ends]
    parts = [rows[start:end] for start, end in zip(starts, ends, strict=False) if start < end]
    copies = [write_rows(folder, as_table(part)) for part in parts]
    return [copy.path for copy in copies if copy is not None]


def content(files: list[Path]) -> list[dict[str, Any]]:
    rows = [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
    return sorted(rows, key=lambda row: row["measurement_id"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    rows=measurements, cuts=st.lists(st.integers(1, 40), max_size=4), size=st.integers(1, 12), data=st.data()
)
def test_the_same_rows_make_the_same_sorted_files_however_they_were_cut(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    cuts: list[int],
    size: int,
    data: st.DataObject,
) -> None:
    monkeypatch.setattr(compaction, "ROWS_A_FILE", size)
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    out = tmp_path_factory.mktemp("out")
    files = written(here, rows, cuts)
    made = [copy.path for copy in compacted(MEASUREMENT, out, files)]
    assert content(made) == content(files)
    assert in_order(MEASUREMENT, made)
    assert is_compact(MEASUREMENT, made[::-1])
    shuffled = data.draw(st.permutations(rows))
    again = [copy.sha256 for copy in compacted(MEASUREMENT, out, written(there, shuffled, cuts[:1]))]
    assert again == [path.stem for path in made]


@given(rows=measurements)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_order_is_what_sorting_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    """Nulls come last, and texts go by their bytes."""
    ordered = sorted(
        rows,
        key=lambda row: (
            row["measurement_source_value"].encode(),
            row["person_id"],
            row["measurement_date"] is None,
            row["measurement_date"] or date.min,
        ),
    )
    folder = tmp_path_factory.mktemp("order")
    keys = [tuple(row[name] for name in MEASUREMENT.sort) for row in rows]
    expected = keys == [tuple(row[name] for name in MEASUREMENT.sort) for row in ordered]
    assert in_order(MEASUREMENT, written(folder, rows, [])) is expected
    assert in_order(MEASUREMENT, written(folder, ordered, [len(rows) // 2]))


def test_big_rows_make_small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {
            "person_id": hashlib.md5(b"p").hexdigest(),
            "measurement_id": hashlib.md5(str(number).encode()).hexdigest(),
            "measurement_source_value": f"{number:04}",
        }
        for number in range(400)
    ]
    files = written(tmp_path / "in", rows, [])
    monkeypatch.setattr(compaction, "BYTES_A_FILE", 4_000)
    made = list(compacted(MEASUREMENT, tmp_path / "out", files))
    assert len(made) > 4
    assert content([copy.path for copy in made]) == content(files)


def test_no_two_rows_are_without_an_order() -> None:
    assert total_order(MEASUREMENT)[-1] == "measurement_id"
