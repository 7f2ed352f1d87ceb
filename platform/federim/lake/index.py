"""Remember which records and rows the lake holds, so that a re-run adds nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from federim.lake.entered import Entered
from federim.lake.staging import Erasure
from federim.model.errors import LakeError

# SQLite takes up to 32,766 parameters; beyond a thousand, the parsing eats what the round trips save.
KEYS_PER_QUERY = 1_000

HELD = "SELECT key, content, version, places, subject FROM record WHERE"

# One statement for all of a batch, within which Python's other threads run on.
DIGESTS = """
    WITH RECURSIVE digest (start, key) AS (
        SELECT 1, substr(?1, 1, 16) WHERE length(?1) > 0
        UNION ALL SELECT start + 16, substr(?1, start + 16, 16) FROM digest WHERE start + 16 < length(?1)
    )"""

T = TypeVar("T")


class Index:
    """A SQLite file of 16-byte digests, durable at every commit; for one thread at a time.

    It is written beside the tables and never read by queries. It holds no pseudonym, and of UIDs and keys
    only digests, but for the rows of records that may be replaced. It cannot be rebuilt from the tables, so
    it is backed up with them.

    Digests are random, so a batch touches most pages of an index of a few million: it keeps 64 MB of them at
    hand and lets its log grow to 40 MB, which makes such a batch a third faster.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            PRAGMA secure_delete = ON;
            PRAGMA cache_size = -64000;
            PRAGMA wal_autocheckpoint = 10000;
            CREATE TABLE IF NOT EXISTS record (key BLOB PRIMARY KEY, content BLOB NOT NULL,
                version INTEGER, places TEXT, subject BLOB) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS row (key BLOB PRIMARY KEY) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS batch (number INTEGER PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS version (name TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS dropped (path TEXT PRIMARY KEY, erased INTEGER) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS rewriting (subject BLOB PRIMARY KEY, told TEXT NOT NULL) WITHOUT ROWID;
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

    @property
    def versions(self) -> dict[str, int]:
        """The version each table had when a writer last left it."""
        return dict(self._connection.execute("SELECT name, number FROM version"))

    def note_versions(self, versions: Mapping[str, int]) -> None:
        """Remember the versions in which tables are left."""
        if versions.items() - self.versions.items():
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO version VALUES (?, ?)", versions.items())

    def records(self, keys: Collection[bytes]) -> dict[bytes, Entered]:
        """Of these record keys, the ones held."""
        return {key: Entered.read(*told) for key, *told in self._look_up(f"{HELD} key IN", keys)}

    def records_of(self, subjects: Collection[bytes]) -> dict[bytes, Entered]:
        """The records that tell of these subjects."""
        # Read from end to end, which is rare: an index by subject would cost every batch.
        return {key: Entered.read(*told) for key, *told in self._look_up(f"{HELD} subject IN", subjects)}

    def records_of_nobody(self) -> Iterator[tuple[bytes, Entered]]:
        """Records with rows that an earlier version entered, without saying whom they tell of."""
        found = self._connection.execute(f"{HELD} subject IS NULL AND places IS NOT NULL")
        return ((key, Entered.read(*told)) for key, *told in found)

    def rows(self, keys: Collection[bytes]) -> set[bytes]:
        """Of these row keys, the ones held."""
        return {key for (key,) in self._look_up("SELECT key FROM row WHERE key IN", keys)}

    @property
    def dropped(self) -> list[str]:
        """Paths of stored objects that were replaced: the same input read again would store them again."""
        return [path for (path,) in self._connection.execute("SELECT path FROM dropped WHERE erased IS NULL")]

    @property
    def erased(self) -> list[str]:
        """Paths of stored objects that are to go whatever pins them, and then to be known no more."""
        return [path for (path,) in self._connection.execute("SELECT path FROM dropped WHERE erased")]

    def remember(
        self,
        batch: int,
        records: Mapping[bytes, Entered],
        rows: Iterable[bytes],
        *,
        forgotten: Iterable[bytes] = (),
        dropped: Iterable[str] = (),
        kept: Iterable[str] = (),
        erasure: Erasure | None = None,
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
            (key, record.content, record.version, record.places_as_text(), record.subject)
            for key, record in sorted(records.items())
        )
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        with self._connection:
            many = self._connection.executemany
            if erasure is not None:
                self._erase(erasure)
            many(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET content = "
                "excluded.content, version = excluded.version, places = excluded.places, "
                "subject = excluded.subject WHERE excluded.version IS NOT NULL",
                entered,
            )
            many("DELETE FROM row WHERE key = ?", ((key,) for key in forgotten))
            run(f"{DIGESTS} INSERT OR IGNORE INTO row SELECT key FROM digest", (b"".join(sorted(rows)),))
            many("INSERT OR IGNORE INTO dropped (path) VALUES (?)", ((path,) for path in dropped))
            many("DELETE FROM dropped WHERE path = ?", ((path,) for path in kept))
            run("DELETE FROM batch")
            run("INSERT INTO batch VALUES (?)", (batch,))

    def told(self, subject: bytes) -> dict[str, Any]:
        """What a rewriting that did not end yet has to tell of a subject."""
        found = self._connection.execute("SELECT told FROM rewriting WHERE subject = ?", (subject,))
        row = found.fetchone()
        return {} if row is None else dict(json.loads(row[0]))

    def tell(self, subject: bytes, told: Mapping[str, Any]) -> None:
        """Keep what a rewriting has to tell, should it be killed before its end."""
        self._connection.execute(
            "INSERT OR REPLACE INTO rewriting VALUES (?, ?)", (subject, json.dumps(told))
        )

    def settle(self, subjects: Iterable[bytes], objects: Iterable[str]) -> None:
        """Forget rewritings that have ended, and the objects that went with them."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        with self._connection:
            many = self._connection.executemany
            many("DELETE FROM rewriting WHERE subject = ?", ((subject,) for subject in subjects))
            many("DELETE FROM dropped WHERE path = ? AND erased", ((path,) for path in objects))

    def clean(self) -> None:
        """Leave nothing in the file, or in the log beside it, of what was deleted or moved within it.

        Raises
        ------
        LakeError
            Another process reads the index, and does not end.
        """
        # Deleted rows are overwritten at once, yet pages that were split keep copies of rows moved from them.
        self._connection.execute("VACUUM")
        busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise LakeError("the lake's index is being read; run the same again once that has ended")

    def _erase(self, erasure: Erasure) -> None:
        many = self._connection.executemany
        many("DELETE FROM record WHERE key = ?", ((key,) for key in erasure.records))
        many("INSERT OR REPLACE INTO dropped VALUES (?, 1)", ((path,) for path in erasure.objects))
        told = ((subject, json.dumps(counts)) for subject, counts in erasure.counts.items())
        many("INSERT OR IGNORE INTO rewriting VALUES (?, ?)", told)

    def _add_later_columns(self) -> None:
        """Give an index that an earlier version made the columns it has now."""
        later = {
            "record": (("version", "INTEGER"), ("places", "TEXT"), ("subject", "BLOB")),
            "dropped": (("erased", "INTEGER"),),
        }
        for table, columns in later.items():
            present = {name for _, name, *_ in self._connection.execute(f"PRAGMA table_info({table})")}
            for name, kind in columns:
                if name not in present:
                    self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")

    def _look_up(self, query: str, keys: Collection[bytes]) -> Iterator[Any]:
        for part in _parts(sorted(keys), KEYS_PER_QUERY):
            yield from self._connection.execute(f"{query} ({', '.join('?' * len(part))})", part)


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
