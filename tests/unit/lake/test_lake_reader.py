"""The reader: declared views, refusals by the engine's own locks, errors without values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from federim.home import Home, Role
from federim.lake.filesystem import ConcurrentReads, PinnedFiles
from federim.lake.reader import connect, connect_home, query
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.errors import QueryRefused, UnknownName, UserError


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> Home:
    """One lake for the whole file: nothing here may change it."""
    home = Home.create(tmp_path_factory.mktemp("homes") / "alpha", role=Role.SITE, name="alpha")
    with Lake(home).writing() as writer:
        writer.commit(
            {
                "person": [rows.person(f"p{n}") for n in range(30)],
                "measurement": [
                    rows.measurement(f"p{n}", f"m{n}", value_as_number=float(n)) for n in range(30)
                ],
            },
            {},
        )
    return home


@pytest.fixture
def reader(hospital: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect_home(hospital) as connection:
        yield connection


def run(connection: duckdb.DuckDBPyConnection, sql: str, **options: Any) -> list[dict[str, Any]]:
    return query(connection, sql, seconds=options.pop("seconds", 30), **options).to_pylist()


@pytest.mark.parametrize("name", TABLES)
def test_a_view_has_the_declared_columns_with_or_without_data(reader: Any, name: str) -> None:
    found = query(reader, f"SELECT * FROM {name}", seconds=30).schema
    declared = pa.schema([pa.field(column.name, column.type) for column in TABLES[name].columns])
    assert found.equals(declared)


def test_values_are_given_as_parameters(reader: Any) -> None:
    found = run(
        reader,
        "SELECT count(*) AS n FROM measurement WHERE value_as_number < $limit",
        parameters={"limit": 5},
    )
    assert found == [{"n": 5}]


def test_a_sum_of_whole_numbers_is_a_whole_number(reader: Any) -> None:
    result = query(
        reader, "SELECT sum(n) AS small, sum(9223372036854775807) AS wide FROM range(3) AS t(n)", seconds=9
    )
    assert result.schema.field("small").type == pa.int64()
    assert result.to_pylist() == [{"small": 3, "wide": 3 * 9223372036854775807}]


HOSTILE = [
    "COPY person TO '{home}/out.csv'",
    "COPY person TO 'lake://person/0.parquet'",
    "COPY person TO 'lake://person/0.parquet' (USE_TMP_FILE false)",
    "COPY (SELECT 1) TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
    "WITH x AS (COPY person TO '{home}/out.csv') SELECT 1",
    "WITH x AS (COPY person TO 'lake://person/0.parquet' (USE_TMP_FILE false)) SELECT 1",
    "EXPLAIN ANALYZE COPY person TO 'lake://person/0.parquet' (USE_TMP_FILE false)",
    "EXPLAIN ANALYZE COPY person TO '{home}/out.csv'",
    "EXPORT DATABASE '{home}/out'",
    "IMPORT DATABASE '{home}'",
    "ATTACH '{home}/new.db'",
    "ATTACH '{home}/federim.sqlite3' (TYPE sqlite)",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{home}/evil.duckdb_extension'",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TABLE t AS FROM read_text('/etc/passwd')",
    "CREATE PERSISTENT SECRET s (TYPE s3)",
    "DROP VIEW person",
    "INSERT INTO person SELECT * FROM person",
    "UPDATE person SET site = 'x'",
    "DELETE FROM person",
    "SET enable_external_access = true",
    "SET allowed_paths = ['/etc/passwd']",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA temp_directory = '{home}'",
    "CALL enable_logging(storage = 'file', storage_config = {{'path': '{home}/log'}})",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{home}/keys/root.key')",
    "SELECT * FROM read_text('{home}/federim.toml')",
    "SELECT * FROM glob('{home}/*')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    "SELECT * FROM read_parquet('https://127.0.0.1:9/x.parquet')",
    "SELECT * FROM read_parquet('lake://*/*.parquet')",
    "SELECT * FROM read_parquet('lake://person/99.parquet')",
    "SELECT * FROM python_variable",
    "FROM query('COPY person TO ''{home}/out.csv''')",
    "SELECT getenv('HOME')",
    "SELECT 1; COPY person TO '{home}/out.csv'",
]

python_variable = pa.table({"secret": [1]})


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_hostile_statement_fails_and_changes_no_file(hospital: Home, reader: Any, statement: str) -> None:
    file = Lake(hospital).files("person")[0]
    file.chmod(0o600)  # the lock must hold where permissions do not, as for root
    before = content(hospital.root)
    python_variable = pa.table({"secret": [1]})  # noqa: F841 — what a replacement scan would find
    with pytest.raises(UserError):
        query(reader, statement.format(home=hospital.root, file=file), seconds=30)
    assert content(hospital.root) == before
    assert run(reader, "SELECT count(*) AS n FROM person") == [{"n": 30}]


# These change nothing but the memory of their own connection.
HARMLESS = ("DROP", "CREATE TABLE t AS SELECT", "LOAD httpfs", "PRAGMA enable_profiling")


@pytest.mark.parametrize("statement", [line for line in HOSTILE if not line.startswith(HARMLESS)])
def test_the_engine_itself_refuses_what_would_reach_it(hospital: Home, reader: Any, statement: str) -> None:
    """As above, but without our own look at the kind of statement."""
    before = content(hospital.root)
    with pytest.raises((duckdb.Error, UserError)):
        reader.execute(
            statement.format(home=hospital.root, file=Lake(hospital).files("person")[0])
        ).fetchall()
    assert content(hospital.root) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW TABLES",
        "DESCRIBE person",
        "SUMMARIZE measurement",
        "EXPLAIN SELECT * FROM person",
        "PIVOT person ON site USING count(*) GROUP BY linked",
        "FROM person SELECT count(*)",
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x",
    ],
)
def test_reading_in_every_usual_way_is_allowed(reader: Any, statement: str) -> None:
    assert run(reader, statement)


def test_a_query_that_runs_too_long_is_stopped(reader: Any) -> None:
    with pytest.raises(QueryRefused, match="longer than 1 s"):
        run(
            reader,
            "SELECT count(*) FROM range(100000) AS a(x), range(100000) AS b(y) WHERE x * y % 7 = 3",
            seconds=1,
        )
    assert run(reader, "SELECT 1 AS a") == [{"a": 1}]


def test_a_query_that_needs_too_much_memory_fails_and_spills_nothing() -> None:
    with connect({}, memory="20MB", threads=1) as small, pytest.raises(UserError, match="query_memory"):
        run(small, "SELECT list(x ORDER BY random()) FROM range(20000000) AS t(x)")


@pytest.mark.parametrize(
    ("sql", "kind", "says"),
    [
        ("SELECT * FROM persn", UnknownName, "no table is called 'persn'; did you mean 'person'?"),
        ("SELECT yearofbirth FROM person", UnknownName, "did you mean 'year_of_birth'?"),
        ("SELECT nosuchfunction(1)", UserError, "nosuchfunction does not exist"),
        ("SELEC 1", UserError, "the query is not valid SQL (line 1 of the query)"),
        ("SELECT 1;\nSELECT 2", UserError, "2 statements where one SELECT was expected"),
        ("", UserError, "0 statements"),
    ],
)
def test_an_error_says_what_to_put_right(reader: Any, sql: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as caught:
        run(reader, sql)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'DUPONT'::INTEGER",
        "SELECT person_id::INTEGER FROM person",
        "SELECT strptime('DUPONT', '%Y')",
        "SELECT date '2021-DUPONT'",
        "SELECT error('DUPONT')",
        "SELECT * FROM person WHERE 'DUPONT'",
        "SELECT 'DUPONT' + person FROM person",
        "SELECT nosuchfunction('DUPONT')",
        "SELECT 'DUPONT",
        "SELECT 9223372036854775807 + 1 AS x, 'DUPONT'",
    ],
)
def test_no_error_repeats_a_value(reader: Any, person_id: Any, sql: str) -> None:
    with pytest.raises(UserError) as caught:
        run(reader, sql)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for value in ("DUPONT", *(person_id(f"p{n}") for n in range(30))):
        assert value not in str(caught.value)


def test_threads_that_share_a_handle_each_read_their_own_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(n % 251 for n in range(100_000)))
    wrong = []
    with ConcurrentReads(path) as shared:

        def read(start: int) -> None:
            for offset in range(start, 90_000, 997):
                shared.seek(offset)
                if shared.read(5) != bytes((offset + n) % 251 for n in range(5)):
                    wrong.append(offset)

        threads = [Thread(target=read, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert shared.seek(-2, 2) == 99_998
        assert shared.read() == shared.read(10) + bytes([99_998 % 251, 99_999 % 251])


def test_many_files_and_threads_always_give_the_same_answer(site: Home, rows: Any) -> None:
    with Lake(site).writing() as writer:
        for batch in range(8):
            writer.commit(
                {
                    "measurement": [
                        rows.measurement(f"p{n}", f"{batch}.{n}", value_as_number=float(n))
                        for n in range(400)
                    ]
                },
                {},
            )
    files = {"measurement": Lake(site).files("measurement")}
    for _ in range(6):
        with connect(files, memory="1GB", threads=4) as connection:
            assert run(
                connection,
                "SELECT count(DISTINCT person_id) AS p, count(DISTINCT measurement_id) AS m, "
                "sum(value_as_number) AS s FROM measurement",
            ) == [{"p": 400, "m": 3_200, "s": 8 * 400 * 399 / 2}]


def test_pinned_files_cannot_be_opened_for_writing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    pinned = PinnedFiles({"lake://t/0.parquet": tmp_path / "a"})
    for mode in ("wb", "ab", "r+b", "xb"):
        with pytest.raises((PermissionError, FileNotFoundError)):
            pinned.open("lake://t/0.parquet", mode)
    with pytest.raises(FileNotFoundError):
        pinned.open("lake://t/1.parquet")
    assert (tmp_path / "a").read_bytes() == b"a"
