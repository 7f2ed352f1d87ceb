"""Read the lake through a DuckDB connection that can do nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import workspace
from federim.lake.declaration import Table
from federim.lake.filesystem import PROTOCOL, PinnedFiles
from federim.lake.refusals import ONLY_READING, translate
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.errors import QueryRefused, UserError

_TYPES: Final = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
}
# PIVOT without a list of its columns is MULTI: DuckDB first asks for the values.
_READS: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI)


def connect_home(home: Home) -> duckdb.DuckDBPyConnection:
    """A connection to every live table of the home; its files stay as they are now while it is open.

    But where a person is taken out of the lake meanwhile (`rewriting`): then it must be opened again. Of a
    workspace, the tables that were granted.

    Raises
    ------
    NotApproved, VerificationFailed
        See `workspace.open_checked`.
    """
    if workspace.present(home):
        granted = workspace.open_checked(home)
        files, tables = granted.paths(home), granted.declared
    else:
        lake = Lake(home)
        files, tables = {name: lake.files(name) for name in TABLES}, TABLES
    settings = home.settings
    return connect(files, memory=settings.query_memory, tables=tables, seconds=settings.query_seconds)


def connect(
    files: Mapping[str, Sequence[Path]],
    *,
    memory: str,
    threads: int | None = None,
    seconds: int | None = None,
    tables: Mapping[str, Table] = TABLES,
    conditions: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A locked, read-only connection with one view a table.

    Parameters
    ----------
    files : by table
        The Parquet files each table consists of; a table without any is an empty view.
    memory : for example "2GB"
        Nothing is spilled to disk: a query that needs more fails.
    seconds
        Longest any one statement may run, however it is given to the connection; no limit but `query`'s
        where it is None.
    tables
        What the views declare: these columns, in this order, of these types, and no other.
    conditions : by table
        SQL that its rows must meet, over its own columns and the views named before it in `tables`.

    Notes
    -----
    A view's condition is no wall against whoever holds the connection: `read_parquet` goes round it to the
    rest of the same files. What must not be read must not be in `files`.

    The engine looks at the clock between two batches of rows: one call of a function that takes long, such as
    `repeat('x', 4000000000)`, is not cut short, nor is its text counted as the engine's memory.
    """
    own = {
        name: {f"{PROTOCOL}://{name}/{number}.parquet": path for number, path in enumerate(paths)}
        for name, paths in files.items()
    }
    addresses = {address: path for paths in own.values() for address, path in paths.items()}
    connection = duckdb.connect(":memory:", config=_settings(memory, threads, seconds))
    # It is part of the library; its settings are known once it is loaded.
    connection.execute("LOAD parquet")
    connection.execute("SET parquet_metadata_cache = true")
    connection.register_filesystem(PinnedFiles(addresses))
    # `allowed_paths` knows no case, and what is not spelt as our protocol is a file of the machine's: without
    # this, COPY TO 'LAKE://…' writes one.
    connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
    connection.execute(f"SET allowed_paths = [{', '.join(map(_quoted, addresses))}]")
    connection.execute("SET enable_external_access = false")
    for name, table in tables.items():
        connection.execute(_view(table, own.get(name, {}), (conditions or {}).get(name)))
    connection.execute("SET lock_configuration = true")
    return connection


def query(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    seconds: int,
    parameters: Sequence[Any] | Mapping[str, Any] | None = None,
) -> pa.Table:
    """The result of one SELECT.

    Raises
    ------
    QueryRefused
        It does more than read, is several statements, or ran longer than `seconds`.
    UnknownName
        No such table or column; the message suggests the nearest.
    UserError
        DuckDB refuses it for another reason. No message holds a value.
    """
    try:
        _check_only_reads(connection, sql)
        with _at_most(seconds, connection):
            return _plain(connection.sql(sql, params=parameters).to_arrow_table())
    except duckdb.Error as error:
        names, columns = _names(connection)
        # `from None`: DuckDB's own text may quote a value, and must not travel with ours.
        raise translate(error, tables=names, columns=columns) from None


@contextmanager
def _at_most(seconds: int, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    late = threading.Event()

    def stop() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield
    except duckdb.Error:
        if late.is_set():
            raise QueryRefused(
                f"the query ran longer than {seconds} s, the home's query_seconds setting; ask for less"
            ) from None
        raise
    finally:
        timer.cancel()
        timer.join()


def _settings(memory: str, threads: int | None, seconds: int | None) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "memory_limit": memory,
        "temp_directory": "",
        "max_temp_directory_size": "0B",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
        # A pinned file never changes, so what was read of it holds for as long as the connection.
        "validate_external_file_cache": "NO_VALIDATION",
        "secret_directory": "none",  # its default names the user's own folder to whoever asks
    }
    if threads is not None:
        settings["threads"] = threads
    if seconds is not None:
        # A second more than `query` gives at most, whose message says which setting it is.
        settings["max_execution_time"] = (seconds + 1) * 1_000
    return settings


def _view(table: Table, files: Mapping[str, Path], condition: str | None) -> str:
    if files:
        everywhere, nowhere = _later_columns(table, files.values())
        # Matching columns by name in every file takes half as long again, so it is done where files differ.
        by_name = "false" if everywhere else "true"
        source = (
            f"read_parquet([{', '.join(map(_quoted, files))}], hive_partitioning = false, "
            f"union_by_name = {by_name})"
        )
        condition = condition or "true"
    else:
        nowhere = {column.name for column in table.columns}
        source, condition = "(SELECT 1)", "false"
    columns = ", ".join(
        f"{'NULL' if column.name in nowhere else _name(column.name)}::{_TYPES[column.type]} "
        f"AS {_name(column.name)}"
        for column in table.columns
    )
    return f'CREATE VIEW "{table.name}" AS SELECT {columns} FROM {source} WHERE {condition}'


def _later_columns(table: Table, files: Iterable[Path]) -> tuple[bool, set[str]]:
    """Of the columns added later: whether all files agree on them, and which ones no file has."""
    later = {column.name for column in table.columns if column.added_later}
    if not later:
        return True, set()
    present = {frozenset(later.intersection(pq.read_schema(path).names)) for path in files}
    return len(present) == 1, later.difference(*present)


def _check_only_reads(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise UserError(f"{len(statements)} statements where one SELECT was expected")
    if statements[0].type not in _READS:
        raise QueryRefused(ONLY_READING)


def _plain(result: pa.Table) -> pa.Table:
    """Sums of integers as 64-bit integers, where DuckDB widens them to 128 bits that pandas does not know."""
    for position, field in enumerate(result.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            # A sum beyond 64 bits stays a decimal.
            with suppress(pa.ArrowInvalid):
                result = result.set_column(position, field.name, result[position].cast(pa.int64()))
    return result


def _names(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
    rows = connection.execute(
        "SELECT DISTINCT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    return sorted({name for name, _ in rows}), sorted({column for _, column in rows})


def _name(column: str) -> str:
    return f'"{column}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
