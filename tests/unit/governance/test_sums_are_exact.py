"""Measures agree with plain Python's exact sums, whatever the scale, order and number of threads."""

from __future__ import annotations

import math
import random
import statistics
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from federim.governance.disclosure import examine
from federim.governance.forms import definition_from
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.declared.persons import PERSON
from federim.lake.reader import connect
from federim.lake.snapshot_tables import SNAPSHOT_TABLES

FORM = {
    "project": "sums",
    "purpose": "statistics",
    "question": "?",
    "route": "eds",
    "reference": "1",
    "snapshots": [{"site": "alpha", "id": "s", "sha256": "0" * 64}],
    "tables": [
        {
            "name": "crp",
            "from": "measurement",
            "why": "sums",
            "group_by": ["measurement_source_value"],
            "measures": [
                "rows",
                "persons",
                "sum(value_as_number)",
                "mean(value_as_number)",
                "sd(value_as_number)",
            ],
        }
    ],
}


def written(folder: Path, values: dict[str, list[float | None]], persons: int) -> dict[str, list[Path]]:
    """A measurement table of those values by code, spread over persons and two files."""
    ids = [f"{number:032x}" for number in range(persons)]
    rows = [
        {"person_id": ids[number % persons], "measurement_source_value": code, "value_as_number": value}
        for code, series in values.items()
        for number, value in enumerate(series)
    ]
    files: dict[str, list[Path]] = {"measurement": [], "person": [folder / "person.parquet"]}
    for number, part in enumerate((rows[::2], rows[1::2])):
        path = folder / f"measurement-{number}.parquet"
        schema = pa.schema([pa.field(each.name, each.arrow.type) for each in MEASUREMENT.columns])
        pq.write_table(pa.Table.from_pylist(part, schema), path, row_group_size=2_048)
        files["measurement"].append(path)
    schema = pa.schema([pa.field(each.name, each.arrow.type) for each in PERSON.columns])
    pq.write_table(pa.Table.from_pylist([{"person_id": each} for each in ids], schema), files["person"][0])
    cohort = folder / "cohort.parquet"
    pq.write_table(pa.table({"person_id": ids, "index_date": pa.nulls(persons, pa.date32())}), cohort)
    return {**files, "cohort_person": [cohort]}


def aggregated(files: dict[str, list[Path]], threads: int = 1) -> pa.Table:
    with connect(files, memory="1GB", threads=threads, tables=SNAPSHOT_TABLES) as connection:
        found = examine(connection, definition_from(FORM), package="p", site="alpha", small=11, seconds=60)
    return found.tables["crp"]


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e15, 1e-250, 1e290])
def test_sums_means_and_deviations_agree_with_exact_arithmetic(tmp_path: Path, scale: float) -> None:
    draw = random.Random(1)
    values = [draw.uniform(-1, 100) * scale for _ in range(2_000)]
    row = aggregated(written(tmp_path, {"1988-5": values}, 50)).to_pylist()[0]
    assert (row["rows"], row["persons"]) == (2_000, 50)
    assert row["sum_value_as_number"] == pytest.approx(math.fsum(values), rel=1e-14)
    assert row["mean_value_as_number"] == pytest.approx(math.fsum(values) / 2_000, rel=1e-14)
    exact = statistics.stdev([Fraction(value) / Fraction(scale) for value in values])
    assert row["sd_value_as_number"] / scale == pytest.approx(float(exact), rel=1e-12)


def test_equal_values_have_no_deviation(tmp_path: Path) -> None:
    row = aggregated(written(tmp_path, {"1988-5": [0.1] * 300}, 30)).to_pylist()[0]
    assert row["mean_value_as_number"] == pytest.approx(0.1, rel=1e-15)
    assert row["sd_value_as_number"] == 0


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    values = [1.0, math.nan, math.inf, -math.inf, None] * 40
    row = aggregated(written(tmp_path, {"1988-5": values}, 39)).to_pylist()[0]
    assert (row["rows"], row["sum_value_as_number"], row["mean_value_as_number"]) == (200, 40.0, 1.0)


def test_a_mean_of_few_persons_values_is_hidden_though_the_group_is_large(tmp_path: Path) -> None:
    many, few = [1.0] * 40, [7.0] * 5 + [None] * 35
    table = aggregated(written(tmp_path, {"1988-5": many, "2160-0": few, "2951-2": [3.0] * 60}, 40))
    assert [row["suppressed"] for row in table.to_pylist()] == [True, True, False]
    assert 7.0 not in table["mean_value_as_number"].to_pylist()


def test_bits_are_the_same_at_any_number_of_threads(tmp_path: Path) -> None:
    draw = random.Random(2)
    values = {code: [draw.gauss(5, 3) for _ in range(30_000)] for code in ("1988-5", "2160-0", "2951-2")}
    files = written(tmp_path, values, 500)
    one = aggregated(files, threads=1)
    for threads in (2, 4):
        assert aggregated(files, threads=threads).equals(one)
