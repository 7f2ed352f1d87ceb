"""A researcher's connection, given to somebody who means harm: the engine's own locks refuse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hospital_that_forgets import people
from hostile_statements import BOMBS, HARMLESS, LOCKS, READS, WRITES
from workspaces_of_a_site import built, hospital_with_annotations

from federim.home import Home
from federim.lake.filesystem import PROTOCOL
from federim.lake.reader import connect, connect_home

ADDRESS = f"{PROTOCOL}://person/0.parquet"

python_variable = pa.table({"secret": [1]})
"""What a replacement scan would find."""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """A site, and the workspace of one of its projects; nothing here may change them."""
    folder = tmp_path_factory.mktemp("homes")
    hospital = hospital_with_annotations(folder)
    place = folder / "workspace"
    built(hospital.home, "one", place, pixels=True)
    return {"site": hospital.home, "workspace": Home.open(place)}


@pytest.fixture(params=["site", "workspace"])
def home(request: pytest.FixtureRequest, homes: dict[str, Home]) -> Home:
    found: Home = homes[request.param]
    return found


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write into, from which statements are run; it has a folder called as our addresses are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{PROTOCOL.upper()}:" / "person").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def reader(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect_home(home) as connection:
        yield connection


def content(*folders: Path) -> dict[Path, str]:
    """Every folder, and the hash of every file, of what lies in some folders."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for folder in folders
        for path in folder.rglob("*")
    }


def test_there_are_enough_of_them() -> None:
    every = (*WRITES, *READS, *LOCKS, *BOMBS)
    assert len(set(every)) == len(every) >= 120


@pytest.mark.parametrize("statement", [*WRITES, *READS, *LOCKS])
def test_the_engine_refuses_it_and_no_file_changes(
    home: Home, reader: duckdb.DuckDBPyConnection, out: Path, statement: str
) -> None:
    sql = _aimed(statement, home, out)
    before = content(home.root, out)
    python_variable = pa.table({"secret": [1]})  # noqa: F841 — nearer than the module's
    with pytest.raises(duckdb.Error):
        reader.execute(sql).fetchall()
    assert content(home.root, out) == before
    with suppress(duckdb.TransactionException):
        reader.execute("ROLLBACK")
    assert _persons(reader) == len(people())


@pytest.mark.parametrize("statement", HARMLESS)
def test_what_runs_changes_nothing_but_its_own_memory(
    home: Home, reader: duckdb.DuckDBPyConnection, out: Path, statement: str
) -> None:
    sql = _aimed(statement, home, out)
    before = content(home.root, out)
    reader.execute(sql).fetchall()
    assert content(home.root, out) == before
    with connect_home(home) as another:
        assert _persons(another) == len(people())


@pytest.mark.parametrize("statement", BOMBS)
def test_it_is_stopped_before_it_eats_the_machine(out: Path, statement: str) -> None:
    """By the engine, whoever runs it and however: without `query`, which would stop it too."""
    before = content(out)
    with (
        connect({}, memory="100MB", seconds=1) as connection,
        pytest.raises((duckdb.InterruptException, duckdb.OutOfMemoryException)),
    ):
        connection.execute(statement).fetchall()
    assert content(out) == before  # nothing was spilled


def test_a_home_says_how_long_and_how_much(reader: duckdb.DuckDBPyConnection, home: Home) -> None:
    told = dict(reader.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    assert int(told["max_execution_time"]) == (home.settings.query_seconds + 1) * 1_000
    assert told["memory_limit"] not in ("", "0 bytes")
    assert (told["temp_directory"], told["max_temp_directory_size"]) == ("", "0 bytes")
    assert told["lock_configuration"] == "true"


@pytest.mark.parametrize(
    "sql",
    [
        "FROM duckdb_settings()",
        "FROM duckdb_views()",
        "FROM duckdb_tables()",
        "FROM duckdb_databases()",
        "FROM duckdb_secrets()",
        "FROM duckdb_logs",
        "FROM duckdb_temporary_files()",
        "FROM pragma_database_list",
        "EXPLAIN ANALYZE FROM person",
        "SELECT file_path_in_schema FROM parquet_metadata('lake://person/0.parquet') LIMIT 0",
        "SELECT filename FROM read_parquet('lake://person/0.parquet', filename = true)",
    ],
)
def test_nothing_it_may_ask_tells_where_files_lie(
    home: Home, reader: duckdb.DuckDBPyConnection, sql: str
) -> None:
    try:
        told: Any = reader.execute(sql).fetchall()
    except duckdb.Error as error:
        told = str(error)
    for place in (home.root, Path.home()):
        assert str(place) not in str(told)


def test_a_workspace_shows_its_project_alone(homes: dict[str, Home]) -> None:
    with connect_home(homes["site"]) as site, connect_home(homes["workspace"]) as workspace:
        lake, own = (
            {each[0] for each in connection.execute("SELECT person_id FROM person").fetchall()}
            for connection in (site, workspace)
        )
        with pytest.raises(duckdb.CatalogException):
            workspace.execute("FROM run")
    assert len(lake) == len(own) == len(people())
    assert not lake & own


def _aimed(statement: str, home: Home, out: Path) -> str:
    """The statement, with what it is to hit."""
    file = sorted((home.lake / "person").rglob("*.parquet"))[0]
    file.chmod(0o600)  # the lock must hold where permissions do not, as for root
    link = out / "link.parquet"
    link.symlink_to(file)
    return statement.format(
        home=home.root,
        file=file,
        link=link,
        out=out,
        address=ADDRESS,
        loud=ADDRESS.replace(PROTOCOL, PROTOCOL.upper()),
    )


def _persons(connection: duckdb.DuckDBPyConnection) -> int:
    [(found,)] = connection.execute("SELECT count(*) FROM person").fetchall()
    return int(found)
