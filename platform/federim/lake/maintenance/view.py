"""Every table as it was after the last whole batch, so that a run that writes meanwhile disturbs nobody."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

from federim.home import Home
from federim.lake.declaration import Table
from federim.lake.delta import APPLICATION
from federim.lake.index_place import as_it_lies
from federim.lake.opener import opened
from federim.lake.schema import TABLES


@dataclass(frozen=True, slots=True)
class TableView:
    """A table at one version; `files` to the number of rows that Delta's log says each has."""

    table: Table
    delta: DeltaTable
    files: Mapping[Path, int | None]


@dataclass(frozen=True, slots=True)
class LakeView:
    """The tables that exist, each with all of the same batches.

    Attributes
    ----------
    batch : int
        Number of the last batch that every table and the index have.
    index : int
        Number of the last batch that the index has.
    ahead : tables to batches
        Tables with batches that neither the index nor the staging knows of, and how many.
    """

    batch: int
    index: int
    tables: Mapping[str, TableView]
    ahead: Mapping[str, int]


def view(home: Home) -> LakeView:
    """Open the lake; for reading alone, and beside a writer.

    Whoever goes on to read the files is inside `locks.copying`, or one of them may be taken out of the lake.
    """
    newest = {name: delta for name in TABLES if (delta := opened(home, name)) is not None}
    batches = {name: delta.transaction_version(APPLICATION) or 0 for name, delta in newest.items()}
    staged, index = _staged(home), _indexed(home)
    # A batch stays staged until tables and index have it; one staged since the first look may be indexed.
    staged = staged or _staged(home)
    whole = min(staged) - 1 if staged else index
    known = max(index, *staged) if staged else index
    return LakeView(
        batch=whole,
        index=index,
        tables={name: _at(home, TABLES[name], delta, max(whole, 0)) for name, delta in newest.items()},
        ahead={name: batch - known for name, batch in batches.items() if batch > known},
    )


def _at(home: Home, table: Table, delta: DeltaTable, batch: int) -> TableView:
    newest = delta.version()
    oldest = newest - 1  # a batch is one commit, and only the last one can be incomplete
    if (delta.transaction_version(APPLICATION) or 0) > batch and oldest >= 0:
        earlier = DeltaTable(home.lake / table.name, version=oldest)
        if (earlier.transaction_version(APPLICATION) or 0) <= batch:
            delta = earlier
    # delta-rs spells a path as it would a URL.
    files = [Path(unquote(uri)) for uri in delta.file_uris()]
    added = delta.get_add_actions(flatten=True)
    paths = [home.lake / table.name / unquote(path) for path in added["path"].to_pylist()]
    rows = dict(zip(paths, added["num_records"].to_pylist(), strict=True))
    return TableView(table, delta, {file: rows.get(file) for file in sorted(files)})


def _staged(home: Home) -> list[int]:
    return [int(path.name) for path in home.staging.glob("[0-9]*") if not path.suffix]


def _indexed(home: Home) -> int:
    path = as_it_lies(home)
    if path is None:
        return 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM batch").fetchone()
    return int(number)
