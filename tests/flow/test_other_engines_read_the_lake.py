"""Polars, which knows nothing of Federim, counts in the Delta tables what Federim's own reader counts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from persons_in_a_lake import change, fill, rows_of

from federim.database import migrate
from federim.home import Home, Role
from federim.lake.maintenance.optimizing import optimize
from federim.lake.prepare import bucket_of
from federim.lake.reader import connect_home, query
from federim.lake.rewriting import rewrite
from federim.lake.schema import TABLES
from federim.lake.tables import Lake

PERSONS = [f"p{number}" for number in range(24)]


def merged(home: Home) -> None:
    """As filled: `person` and `study` were merged into twice, so that files of theirs are live no more."""


def optimized(home: Home) -> None:
    optimize(home)


def replaced(home: Home) -> None:
    """A newer version of a report: of its three results one changes and one goes."""
    told = rows_of(home, "p1", 1)
    (result,), (report,) = told["measurement"], told["report"]
    with Lake(home).writing() as writer:
        writer.replace(
            {"measurement": [{**result, "value_as_number": 7.25}], "report": [{**report, "version": 2}]},
            gone={"measurement": rows_of(home, "p1", 2)["measurement"]},
            dropped=[],
        )


def erased(home: Home) -> None:
    with Lake(home).writing() as writer:
        rewrite(home, writer, change(home, "p0", None))


def became_another(home: Home) -> None:
    with Lake(home).writing() as writer:
        rewrite(home, writer, change(home, "p0", "new"))


HISTORIES = (merged, optimized, replaced, erased, became_another)
CHANGES_FILES = (optimized, replaced, erased, became_another)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 persons in three batches."""
    home = Home.create(tmp_path_factory.mktemp("homes") / "alpha", role=Role.SITE, name="alpha")
    migrate(home)
    fill(home, PERSONS)
    return home.root


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda history: history.__name__)
def lived(request: pytest.FixtureRequest, filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home to which one thing more has happened; the tests only read it."""
    home = Home.open(shutil.copytree(filled, tmp_path_factory.mktemp("lived") / "alpha"))
    history: Callable[[Home], None] = request.param
    before = {name: Lake(home).files(name) for name in TABLES}
    history(home)
    assert (history in CHANGES_FILES) == any(Lake(home).files(name) != before[name] for name in TABLES)
    return home


def theirs(home: Home, table: str) -> pl.LazyFrame:
    """The table as Polars finds it, by its Delta log alone."""
    return pl.scan_delta(str(home.lake / table))


def written(home: Home) -> list[str]:
    """The tables that hold rows of the made-up persons."""
    return list(rows_of(home, PERSONS[0], 0))


def ours(home: Home, sql: str) -> pa.Table:
    with connect_home(home) as connection:
        return query(connection, sql, seconds=60)


def test_every_table_has_as_many_rows(lived: Home) -> None:
    for name in written(lived):
        expected = ours(lived, f'SELECT count(*) FROM "{name}"')[0][0].as_py()
        assert theirs(lived, name).select(pl.len()).collect().item() == expected > 0


def test_every_column_holds_the_same(lived: Home) -> None:
    """Rows, not only counts, sorted by what both engines call the whole row."""
    for name in written(lived):
        columns = [column.name for column in TABLES[name].columns]
        expected = pl.DataFrame(ours(lived, f'SELECT * FROM "{name}"')).select(columns)
        found = theirs(lived, name).select(columns).collect()
        assert found.sort(columns).equals(expected.sort(columns), null_equal=True)


def test_the_same_sums_by_group(lived: Home) -> None:
    expected = ours(
        lived,
        "SELECT Modality, count(*) AS series, sum(SizeBytes) AS bytes, count(DISTINCT person_id) AS persons "
        "FROM image_occurrence GROUP BY ALL ORDER BY ALL",
    )
    found = (
        theirs(lived, "image_occurrence")
        .group_by("Modality")
        .agg(series=pl.len(), bytes=pl.col("SizeBytes").sum(), persons=pl.col("person_id").n_unique())
    )
    assert found.sort("Modality").collect().to_dicts() == expected.to_pylist()


def test_a_join_of_images_and_results_counts_the_same(lived: Home) -> None:
    expected = ours(
        lived,
        "SELECT count(*), sum(value_as_number) FROM image_occurrence JOIN measurement USING (person_id)",
    )
    found = (
        theirs(lived, "image_occurrence")
        .join(theirs(lived, "measurement"), on="person_id")
        .select(pl.len(), pl.col("value_as_number").sum())
        .collect()
    )
    assert list(found.row(0)) == [column[0].as_py() for column in expected.columns]


def test_a_bucket_holds_the_rows_of_its_persons(lived: Home) -> None:
    """The column that tables are cut by is an ordinary one to another engine, and prunes files for it."""
    key = lived.secret("bucket")
    rows = theirs(lived, "measurement").select("person_id", "bucket").collect()
    assert rows["bucket"].n_unique() > 1
    for person, bucket in rows.iter_rows():
        assert bucket == bucket_of(person, key)
