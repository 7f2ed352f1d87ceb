"""Ways to damage a lake, and what a check is to say of each."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable, Field

from federim.home import Home
from federim.lake import snapshot
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def a_file_goes(home: Home) -> None:
    Lake(home).files("measurement")[0].unlink()


def a_file_is_cut(home: Home) -> None:
    path = Lake(home).files("measurement")[0]
    rewrite(path, path.read_bytes()[:-20])


def a_file_takes_the_place_of_another_bucket_s(home: Home) -> None:
    first, *others = Lake(home).files("person")
    other = next(path for path in others if path.parent != first.parent)
    rewrite(other, first.read_bytes())


def a_file_loses_rows(home: Home) -> None:
    path = Lake(home).files("measurement")[0]
    rows = pq.read_table(path, partitioning=None)
    path.chmod(0o600)
    pq.write_table(rows.slice(1), path)


def a_column_is_added(home: Home) -> None:
    DeltaTable(home.lake / "person").alter.add_columns([Field("shoe_size", "integer")])


def a_study_goes(home: Home) -> None:
    with connect_home(home) as connection:
        study, *_ = query(connection, "SELECT * FROM study", seconds=60).to_pylist()
    with Lake(home).writing() as writer:
        writer.replace({}, gone={"study": [study]}, dropped=())


def the_index_is_of_yesterday(home: Home) -> None:
    with closing(sqlite3.connect(home.index)) as connection:
        connection.execute("UPDATE batch SET number = number - 1")
        connection.commit()


def an_object_goes(home: Home) -> None:
    next(home.objects.rglob("*.dcm")).unlink()


def an_object_is_cut(home: Home) -> None:
    path = next(home.objects.rglob("*.dcm"))
    rewrite(path, path.read_bytes()[:-1])


def an_object_is_changed(home: Home) -> None:
    path = next(home.objects.rglob("*.dcm"))
    rewrite(path, path.read_bytes()[:-1] + b"?")


def freeze_ct(home: Home) -> snapshot.Snapshot:
    (home.cohorts / "ct.toml").write_text(
        'title = "CT"\nindex = "first series"\n[[series]]\nModality = "CT"\n'
    )
    return snapshot.freeze(home, "ct")


def a_pinned_file_goes(home: Home) -> None:
    (home.lake / freeze_ct(home).files[0].path).unlink()


DAMAGES = {
    a_file_goes: "measurement: 1 of its files are gone",
    a_file_is_cut: "measurement: 1 of its files cannot be read",
    a_file_takes_the_place_of_another_bucket_s: "rows in another bucket's folder",
    a_file_loses_rows: "measurement: 1 of its files have more or fewer rows",
    a_column_is_added: "person.shoe_size: the table has int32; expected no such column",
    a_study_goes: "image_occurrence.StudyInstanceUID: 1 rows speak of no row of study",
    the_index_is_of_yesterday: "1 batches are in the table and not in the index",
    an_object_goes: "instance_file: 1 rows speak of an object that is not there",
    an_object_is_cut: "instance_file: 1 objects have another length",
    an_object_is_changed: "instance_file: 1 of 70 objects hashed are not what was stored",
    a_pinned_file_goes: "1 files that it pins are gone",
}
