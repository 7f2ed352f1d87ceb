"""DuckDB reads Parquet in a bucket through the same locked connection, by the parts that it needs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_server import Bucket

from federim.home import Home
from federim.lake.bucket import bucket_of
from federim.lake.parts import BucketFile
from federim.lake.reader import connect, query
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.errors import FederimError, LakeError

JOIN = (
    "SELECT p.site, count(*) AS n, sum(m.value_as_number) AS s "
    "FROM person p JOIN measurement m USING (person_id) GROUP BY ALL"
)


@dataclass(frozen=True)
class Twice:
    """The same tables in the home's folder and in a bucket."""

    here: dict[str, list[Path]]
    there: dict[str, list[BucketFile]]


@pytest.fixture
def twice(bucket: Bucket, make_home: Callable[..., Home], rows: Any) -> Twice:
    home = bucket.home(make_home)
    with Lake(home).writing() as writer:
        writer.commit(
            {
                "person": [rows.person(f"p{n}") for n in range(30)],
                "measurement": [
                    rows.measurement(f"p{n % 30}", f"m{n}", value_as_number=float(n)) for n in range(300)
                ],
            },
            {},
        )
    here = {name: Lake(home).files(name) for name in TABLES}
    store = bucket_of(home, f"s3://{bucket.name}/centre/lake")
    for path in (path for paths in here.values() for path in paths):
        bucket.client.upload_file(str(path), bucket.name, f"centre/lake/{key(home, path)}")
    there = {
        name: [BucketFile.found(store, key(home, path)) for path in paths] for name, paths in here.items()
    }
    return Twice(here, there)


def key(home: Home, path: Path) -> str:
    return path.relative_to(home.lake).as_posix()


def answers(files: Any, sql: str) -> list[dict[str, Any]]:
    with connect(files, memory="1GB") as connection:
        return sorted(query(connection, sql, seconds=60).to_pylist(), key=repr)


@pytest.mark.parametrize("sql", [JOIN, "FROM measurement", "FROM person", "SELECT count(*) AS n FROM study"])
def test_the_answers_are_those_of_the_folder(twice: Twice, sql: str) -> None:
    assert answers(twice.there, sql) == answers(twice.here, sql) != []


def test_only_parts_are_read(
    bucket: Bucket, make_home: Callable[..., Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file of many columns, one column costs that column, not the file."""
    count = 150_000
    declared = pa.schema([pa.field(column.name, column.type) for column in TABLES["measurement"].columns])
    known = {
        "value_as_number": pa.array(np.arange(count) % 97.0),
        "measurement_id": pa.array(secrets.token_hex(16) for _ in range(count)),
    }
    columns = [known.get(field.name, pa.nulls(count, field.type)) for field in declared]
    pq.write_table(pa.table(columns, schema=declared), tmp_path / "one.parquet")
    home = bucket.home(make_home)
    bucket.client.upload_file(str(tmp_path / "one.parquet"), bucket.name, "lake/bucket=0/one.parquet")
    file = BucketFile.found(bucket_of(home, f"s3://{bucket.name}/lake"), "bucket=0/one.parquet")
    asked: list[int] = []
    read = BucketFile.read

    def noted(file: BucketFile, start: int, length: int) -> bytes:
        asked.append(length)
        return read(file, start, length)

    monkeypatch.setattr(BucketFile, "read", noted)
    (told,) = answers({"measurement": [file]}, "SELECT sum(value_as_number) AS s FROM measurement")
    assert told == {"s": float((np.arange(count) % 97.0).sum())}
    assert 0 < sum(asked) < file.size / 4


def test_nothing_is_written_through_it(twice: Twice, bucket: Bucket) -> None:
    before = bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    with connect(twice.there, memory="1GB") as connection:
        for sql in (
            "COPY (SELECT 1) TO 'lake://person/0.parquet'",
            "COPY person TO 'lake://person/new.parquet'",
            f"SELECT * FROM read_parquet('s3://{bucket.name}/centre/lake/*')",
        ):
            with pytest.raises(FederimError) as said:
                query(connection, sql, seconds=60)
            assert bucket.name not in str(said.value)
    assert bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"] == before


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_is_another_now_is_not_read(twice: Twice, bucket: Bucket, how: str) -> None:
    file = twice.there["measurement"][0]
    place = {"Bucket": bucket.name, "Key": f"centre/lake/{file.name}"}
    if how == "removed":
        bucket.client.delete_object(**place)
    else:
        content = bucket.client.get_object(**place)["Body"].read()
        bucket.client.put_object(**place, Body=content[:-20] + bytes(20))
    with pytest.raises(LakeError, match="removed or replaced"):
        file.read(0, 4)
    with pytest.raises(FederimError) as said:
        answers(twice.there, JOIN)
    assert file.name not in str(said.value) and bucket.name not in str(said.value)


def test_a_file_that_is_not_there_is_not_found(twice: Twice) -> None:
    with pytest.raises(LakeError, match="removed or replaced"):
        BucketFile.found(twice.there["person"][0].bucket, "person/none.parquet")
