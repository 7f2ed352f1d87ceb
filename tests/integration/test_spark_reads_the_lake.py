"""Spark in local mode counts in the files that the Delta logs call live what Federim's own reader counts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from deltalake import DeltaTable

from federim.home import Home
from federim.lake.maintenance.optimizing import optimize
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake

pytestmark = [
    pytest.mark.integration,
    pytest.mark.full,
    pytest.mark.filterwarnings("default"),  # Spark warns of much that is its own affair
]

TABLES = ("person", "measurement")


def digest(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="the extra `spark` is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs a Java runtime")
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture
def lived(make_home: Callable[..., Home]) -> Home:
    """Persons and results in three batches, then optimised: files that are live no more lie about."""
    home = make_home("alpha")
    for batch in range(3):
        persons = [{"person_id": digest(str(number)), "site": "alpha"} for number in range(40)]
        results = [
            {
                "person_id": digest(str(number)),
                "measurement_id": digest(f"{number}|{batch}"),
                "measurement_source_value": "1988-5",
                "measurement_date": date(2021, 3, 2),
                "value_as_number": float(number + batch),
            }
            for number in range(40)
        ]
        with Lake(home).writing() as writer:
            writer.commit({"person": persons, "measurement": results}, {})
    optimize(home)
    return home


def test_spark_counts_what_the_lake_counts(spark: Any, lived: Home) -> None:
    for name in TABLES:
        live = DeltaTable(lived.lake / name).file_uris()
        assert len(live) < len(list((lived.lake / name).rglob("*.parquet")))
        with connect_home(lived) as connection:
            expected = query(
                connection, f"SELECT count(*), count(DISTINCT person_id) FROM {name}", seconds=60
            )
        rows = spark.read.parquet(*live)
        found = (rows.count(), rows.select("person_id").distinct().count())
        assert found == tuple(column[0].as_py() for column in expected.columns)


def test_spark_sums_what_the_lake_sums(spark: Any, lived: Home) -> None:
    live = DeltaTable(lived.lake / "measurement").file_uris()
    with connect_home(lived) as connection:
        expected = query(connection, "SELECT sum(value_as_number) FROM measurement", seconds=60)
    found = spark.read.parquet(*live).agg({"value_as_number": "sum"}).collect()[0][0]
    assert found == expected[0][0].as_py() > 0
