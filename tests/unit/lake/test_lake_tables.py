"""The writer: what a batch adds, fills, skips and refuses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim.home import Home, Role
from federim.lake import delta, images, tables
from federim.lake.declared.clinical import MEASUREMENT
from federim.lake.entered import Entered
from federim.lake.schema import BUCKETS, TABLES
from federim.lake.tables import Lake
from federim.model.errors import HomeError, LakeError, SchemaError, UnknownName

Commit = Callable[..., dict[str, int]]
Select = Callable[[str], list[dict[str, Any]]]


def test_a_batch_enters_every_table(fill: Commit, select: Select, rows: Any) -> None:
    added = fill(
        {"person": [rows.person()], "measurement": [rows.measurement()], "quarantine": [rows.quarantine()]}
    )
    assert added == {"person": 1, "measurement": 1, "quarantine": 1}
    (found,) = select("SELECT * FROM measurement")
    assert {name: found[name] for name in rows.measurement()} == rows.measurement()


def test_a_table_without_rows_has_no_file_and_no_version(site: Home) -> None:
    assert Lake(site).files("study") == []
    assert Lake(site).version("study") == 0


def test_an_unknown_table_suggests_the_nearest(site: Home) -> None:
    with pytest.raises(UnknownName, match="did you mean 'measurement'"):
        Lake(site).files("mesurement")


def test_a_known_key_keeps_its_first_row_where_the_table_skips(
    fill: Commit, select: Select, rows: Any
) -> None:
    first, again = rows.measurement(value_as_number=1.0), rows.measurement(value_as_number=2.0)
    assert fill({"measurement": [first, again]}) == {"measurement": 1}
    assert fill({"measurement": [again]}) == {"measurement": 0}
    assert select("SELECT value_as_number AS v FROM measurement") == [{"v": 1.0}]


def test_a_known_key_is_filled_and_summed_where_the_table_fills(
    fill: Commit, select: Select, rows: Any
) -> None:
    fill({"image_occurrence": [rows.series(KVP=120.0, SizeBytes=10), rows.series(Rows=512, SizeBytes=20)]})
    added = fill(
        {"image_occurrence": [rows.series(KVP=99.0, Columns=256, SizeBytes=5), rows.series(series=2)]}
    )
    assert added == {"image_occurrence": 1}
    assert select(
        'SELECT "KVP", "Rows", "Columns", "NumberOfInstances" AS n, "SizeBytes" AS bytes '
        'FROM image_occurrence ORDER BY "SeriesInstanceUID" LIMIT 1'
    ) == [{"KVP": 120.0, "Rows": 512, "Columns": 256, "n": 3, "bytes": 35}]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(
            st.tuples(st.integers(1, 4), st.none() | st.floats(1, 9), st.integers(0, 5)),
            min_size=1,
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_filling_is_the_same_in_one_batch_as_in_many(
    batches: list[list[tuple[int, float | None, int]]],
    make_home: Callable[..., Home],
    rows: Any,
    tmp_path_factory: Any,
) -> None:
    from federim.lake.reader import connect_home, query

    expected: dict[str, list[Any]] = {}
    for series, kvp, size in (row for batch in batches for row in batch):
        held = expected.setdefault(f"2.25.{series}", [None, 0])
        held[0] = kvp if held[0] is None else held[0]
        held[1] += size
    home = Home.create(tmp_path_factory.mktemp("homes") / "alpha", role=Role.SITE, name="alpha")
    with Lake(home).writing() as writer:
        for batch in batches:
            writer.commit(
                {
                    "image_occurrence": [
                        rows.series(series=s, KVP=kvp, SizeBytes=size) for s, kvp, size in batch
                    ]
                },
                {},
            )
    with connect_home(home) as connection:
        found = query(
            connection,
            'SELECT "SeriesInstanceUID" AS s, "KVP" AS k, "SizeBytes" AS b FROM image_occurrence',
            seconds=9,
        ).to_pylist()
    assert {row["s"]: [row["k"], row["b"]] for row in found} == expected


def test_a_record_without_a_version_is_known_after_its_batch_and_never_replaced(
    site: Home, rows: Any
) -> None:
    key, other = b"k" * 16, b"o" * 16
    with Lake(site).writing() as writer:
        assert writer.known([key]) == {}
        writer.commit({"person": [rows.person()]}, {key: Entered(b"1" * 16)})
        writer.commit({}, {key: Entered(b"2" * 16)})
        assert writer.known([key, other]) == {key: Entered(b"1" * 16)}
        assert writer.known([bytes([n // 256, n % 256]) * 8 for n in range(5_000)]) == {}


def test_a_row_of_the_wrong_shape_refuses_the_whole_batch(site: Home, rows: Any) -> None:
    with Lake(site).writing() as writer:
        with pytest.raises(SchemaError, match="person, row 1: site"):
            writer.commit(
                {"measurement": [rows.measurement()], "person": [rows.person(site=3)]},
                {b"k" * 16: Entered(bytes(16))},
            )
        assert writer.known([b"k" * 16]) == {}
    assert Lake(site).files("measurement") == []


def test_rows_are_bucketed_by_person_and_sorted_in_their_files(site: Home, fill: Commit, rows: Any) -> None:
    fill({"measurement": [rows.measurement(person=f"p{n % 300}", name=f"m{n}") for n in range(3_000)]})
    files = Lake(site).files("measurement")
    assert len(files) == BUCKETS
    buckets: dict[str, set[str]] = {}
    for path in files:
        table = pq.read_table(path, partitioning=None)
        keys = list(zip(*(table[name].to_pylist() for name in MEASUREMENT.sort), strict=True))
        assert keys == sorted(keys)
        for person in set(table["person_id"].to_pylist()):
            buckets.setdefault(person, set()).add(path.parent.name)
    assert len(buckets) == 300
    assert all(len(found) == 1 for found in buckets.values())


def test_another_home_puts_persons_in_other_buckets(make_home: Callable[..., Home], rows: Any) -> None:
    places = []
    for name in ("alpha", "beta"):
        home = make_home(name)
        with Lake(home).writing() as writer:
            writer.commit({"person": [rows.person(person=f"p{n}") for n in range(40)]}, {})
        places.append(
            {
                person: path.parent.name
                for path in Lake(home).files("person")
                for person in pq.read_table(path, partitioning=None)["person_id"].to_pylist()
            }
        )
    assert places[0].keys() == places[1].keys()
    assert places[0] != places[1]


def test_deltas_log_holds_no_pseudonym_uid_or_date(
    site: Home, fill: Commit, rows: Any, person_id: Any
) -> None:
    fill(
        {
            "measurement": [rows.measurement()],
            "image_occurrence": [rows.series(series=4242)],
            "person": [rows.person()],
        }
    )
    logs = "".join(path.read_text() for path in site.lake.rglob("*.json"))
    assert '"numRecords\\":1' in logs
    for secret in (person_id("p1"), person_id("m1"), "2.25.4242", "2021-03-01"):
        assert secret not in logs


def test_every_file_is_its_owners_alone(site: Home, fill: Commit, rows: Any) -> None:
    fill({"measurement": [rows.measurement()]})
    fill({"measurement": [rows.measurement(name="m2")]})
    for path in [*site.lake.rglob("*"), *site.staging.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path.relative_to(site.root)
    assert all(path.stat().st_mode & 0o777 == 0o400 for path in Lake(site).files("measurement"))


def test_a_second_writer_is_refused_while_one_writes(site: Home) -> None:
    refused = pytest.raises(LakeError, match="another run is writing")
    with Lake(site).writing(), refused, Lake(site).writing(patience=0):
        pass
    with Lake(site).writing(patience=0):
        pass


def test_a_second_writer_waits_for_the_end_of_the_first(site: Home, rows: Any) -> None:
    begun, end = Event(), Event()

    def first() -> None:
        with Lake(site).writing() as writer:
            begun.set()
            end.wait(30)
            writer.commit({"measurement": [rows.measurement()]}, {})

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(first)
        assert begun.wait(30)
        Timer(0.2, end.set).start()
        with Lake(site).writing(patience=30) as writer:
            assert writer.commit({"measurement": [rows.measurement()]}, {}) == {"measurement": 0}
        writing.result()


def test_a_home_that_cannot_be_written_is_said(site: Home) -> None:
    # A folder in the lock's place is refused to root as well, as a disk mounted read-only would.
    (site.staging / "writer.lock").mkdir()
    with pytest.raises(LakeError, match="the lake cannot be written: Is a directory"), Lake(site).writing():
        pass


def test_what_a_killed_process_was_storing_is_removed(site: Home) -> None:
    (site.objects / "tmpabc.part").write_bytes(b"half of an image")
    kept = images.store(site, b"a whole one")
    with Lake(site).writing():
        pass
    assert [path for path in site.objects.rglob("*") if path.is_file()] == [images.read(site, kept.path)]


def test_a_hub_has_no_lake_to_write_to(make_home: Callable[..., Home]) -> None:
    with pytest.raises(HomeError, match="site"), Lake(make_home("hub", Role.HUB)).writing():
        pass


def test_a_home_may_lie_under_any_folder_name(tmp_path: Path, rows: Any) -> None:
    home = Home.create(tmp_path / "données" / "a b", role=Role.SITE, name="alpha")
    with Lake(home).writing() as writer:
        writer.commit({"person": [rows.person()]}, {})
    (path,) = Lake(home).files("person")
    assert path.is_file()


@pytest.mark.parametrize("moment", ["FILES_DURING_A_RUN", "FILES_BETWEEN_RUNS"])
def test_many_small_files_are_joined_and_no_row_changes(
    site: Home, select: Select, rows: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(tables, moment, 4)
    with Lake(site).writing() as writer:
        for n in range(6):
            writer.commit({"measurement": [rows.measurement(name=f"m{n}", value_as_number=float(n))]}, {})
    assert len(Lake(site).files("measurement")) == (2 if moment == "FILES_DURING_A_RUN" else 1)
    assert select("SELECT count(*) AS n, sum(value_as_number) AS s FROM measurement") == [{"n": 6, "s": 15.0}]
    assert all(path.stat().st_mode & 0o777 == 0o400 for path in Lake(site).files("measurement"))


def test_a_disk_too_full_to_join_files_fails_no_run(
    site: Home, select: Select, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(delta.DeltaWriter, "tidy", refuse)
    with Lake(site).writing() as writer:
        writer.commit({"person": [rows.person()]}, {})
    assert select("SELECT count(*) AS n FROM person") == [{"n": 1}]


def test_an_index_older_than_its_tables_is_noticed(site: Home, fill: Commit, rows: Any) -> None:
    fill({"person": [rows.person()]})
    for path in site.root.glob("index.sqlite3*"):
        path.unlink()
    with pytest.raises(LakeError, match="index"):
        fill({"person": [rows.person("p2")]})


def test_spark_can_read_every_declared_type(site: Home) -> None:
    known = {"string", "int64", "int32", "double", "bool", "date32[day]", "timestamp[us]"}
    assert {str(column.type) for table in TABLES.values() for column in table.columns} <= known


def test_the_tables_are_plain_delta_tables(site: Home, fill: Commit, rows: Any) -> None:
    fill({"person": [rows.person()]})
    assert DeltaTable(site.lake / "person").metadata().partition_columns == ["bucket"]
