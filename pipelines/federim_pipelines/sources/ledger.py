"""Remember what was pulled, so that a pull that was stopped goes on where it was."""

from __future__ import annotations

import sqlite3
from typing import Self

from federim.home import Home, Role
from federim.keys import keyed
from federim.lake.storage import disk_may_refuse, private_files


class Ledger:
    """Things a site has pulled, as keyed digests that tell nothing to who lacks the home's key."""

    def __init__(self, home: Home) -> None:
        self._key = home.require(Role.SITE).secret("pulled")
        with disk_may_refuse(), private_files():
            self._connection = sqlite3.connect(home.pulled, isolation_level=None)
            self._connection.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                "CREATE TABLE IF NOT EXISTS pulled (thing BLOB PRIMARY KEY) WITHOUT ROWID;"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def has(self, *parts: str) -> bool:
        """Whether what `parts` identify was pulled."""
        found = self._connection.execute("SELECT 1 FROM pulled WHERE thing = ?", (self._thing(parts),))
        return found.fetchone() is not None

    def add(self, *parts: str) -> None:
        """Remember that what `parts` identify is in the spool, or further."""
        with disk_may_refuse():
            self._connection.execute("INSERT OR IGNORE INTO pulled VALUES (?)", (self._thing(parts),))

    def _thing(self, parts: tuple[str, ...]) -> bytes:
        return keyed(self._key, *parts)[:16]
