"""Remember which studies were fetched, so that a pull that was stopped goes on where it was."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from federim.home import Home
from federim.keys import keyed
from federim.lake.storage import disk_may_refuse
from federim_pipelines.sources.pacs.query import Study

LEDGER = "pulled.sqlite3"


class Ledger:
    """Fetched studies by keyed digests: the file tells no UID, and no PACS.

    A study is fetched again if the PACS says that it has another number of instances than then.
    """

    def __init__(self, home: Home, connection: sqlite3.Connection) -> None:
        self._key = home.secret("pull")
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, home: Home) -> Iterator[Ledger]:
        """The ledger of a home, durable at every `add`."""
        path = home.root / LEDGER
        with disk_may_refuse():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(path, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS study "
                    "(study BLOB PRIMARY KEY, instances INTEGER) WITHOUT ROWID"
                )
                yield cls(home, connection)
            finally:
                connection.close()

    def has(self, study: Study) -> bool:
        """Whether the study was fetched whole, as the PACS has it now."""
        found = self._connection.execute(
            "SELECT instances FROM study WHERE study = ?", (self._digest(study),)
        ).fetchone()
        return found is not None and found[0] == study.instances

    def add(self, study: Study) -> None:
        """The study is here, whole."""
        self._connection.execute(
            "INSERT OR REPLACE INTO study VALUES (?, ?)", (self._digest(study), study.instances)
        )

    def _digest(self, study: Study) -> bytes:
        return keyed(self._key, "study", study.uid)[:16]
