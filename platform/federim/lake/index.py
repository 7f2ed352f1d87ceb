"""Remember which records and rows the lake holds, so that a re-run adds nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from federim.lake.entered import Entered

# SQLite takes up to 32,766 parameters; beyond a thousand, the parsing eats what the round trips save.
KEYS_PER_QUERY = 1_000

T = TypeVar("T")


class Index:
    """A SQLite file of 16-byte digests, durable at every commit.

    It is written after the tables and never read by queries. It holds no pseudonym, and of UIDs and keys
    only digests, but for the rows of records that may be replaced. It cannot be rebuilt from the tables, so
    it is backed up with them.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            CREATE TABLE IF NOT EXISTS record (key BLOB PRIMARY KEY, content BLOB NOT NULL,
                version INTEGER, places TEXT) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS row (key BLOB PRIMARY KEY) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS batch (number INTEGER PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS dropped (path TEXT PRIMARY KEY) WITHOUT ROWID;
            """
        )
        self._add_later_columns()

    def close(self) -> None:
        self._connection.close()

    @property
    def last_batch(self) -> int:
        """Number of the last batch whose tables and index are both written; 0 before the first."""
        (number,) = self._connection.execute("SELECT coalesce(max(number), 0) FROM batch").fetchone()
        return int(number)

    def records(self, keys: Collection[bytes]) -> dict[bytes, Entered]:
        """Of these record keys, the ones held."""
        found = self._look_up("SELECT key, content, version, places FROM record WHERE key IN", keys)
        return {key: Entered.read(content, version, places) for key, content, version, places in found}

    def rows(self, keys: Collection[bytes]) -> set[bytes]:
        """Of these row keys, the ones held."""
        return {key for (key,) in self._look_up("SELECT key FROM row WHERE key IN", keys)}

    @property
    def dropped(self) -> list[str]:
        """Paths of stored objects that were replaced: the same input read again would store them again."""
        return [path for (path,) in self._connection.execute("SELECT path FROM dropped")]

    def remember(
        self,
        batch: int,
        records: Mapping[bytes, Entered],
        rows: Iterable[bytes],
        *,
        forgotten: Iterable[bytes] = (),
        dropped: Iterable[str] = (),
        kept: Iterable[str] = (),
    ) -> None:
        """Add a batch's keys in one transaction; adding the same batch again changes nothing.

        Parameters
        ----------
        records : by key
            One with a version takes the place of what is held of it, one without does not.
        forgotten : digests of row keys
            Those of rows the batch takes out of the tables.
        dropped, kept : paths of stored objects
            Those the batch replaces, and those it speaks of, which may have been replaced before.
        """
        # Sorted, because a B-tree takes neighbours from the page it has at hand.
        entered = (
            (key, record.content, record.version, record.places_as_text())
            for key, record in sorted(records.items())
        )
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        with self._connection:
            many = self._connection.executemany
            many(
                "INSERT INTO record VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "content = excluded.content, version = excluded.version, places = excluded.places "
                "WHERE excluded.version IS NOT NULL",
                entered,
            )
            many("DELETE FROM row WHERE key = ?", ((key,) for key in forgotten))
            many("INSERT OR IGNORE INTO row VALUES (?)", ((key,) for key in sorted(rows)))
            many("INSERT OR IGNORE INTO dropped VALUES (?)", ((path,) for path in dropped))
            many("DELETE FROM dropped WHERE path = ?", ((path,) for path in kept))
            run("DELETE FROM batch")
            run("INSERT INTO batch VALUES (?)", (batch,))

    def _add_later_columns(self) -> None:
        """Give an index that an earlier version made the columns it has now."""
        present = {name for _, name, *_ in self._connection.execute("PRAGMA table_info(record)")}
        for name, kind in (("version", "INTEGER"), ("places", "TEXT")):
            if name not in present:
                self._connection.execute(f"ALTER TABLE record ADD COLUMN {name} {kind}")

    def _look_up(self, query: str, keys: Collection[bytes]) -> Iterator[Any]:
        for part in _parts(keys, KEYS_PER_QUERY):
            yield from self._connection.execute(f"{query} ({', '.join('?' * len(part))})", part)


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
