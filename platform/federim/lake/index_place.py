"""Where the index lies, and its way there from where earlier versions kept it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.lake.locks import PATIENCE, only_writer
from federim.lake.storage import sync
from federim.model.errors import LakeError

EARLIER: Final = "index.sqlite3"
"""Its name in the folder of the tables, which can be a bucket now; SQLite needs a file."""


def settled(home: Home) -> Path:
    """The index's file, brought to its place if an earlier version made it; there may be none yet.

    Only the home's one writer may call this.

    Raises
    ------
    LakeError
        There are two indexes, as after a backup restored in part, or another process reads the earlier one.
    """
    earlier = home.lake / EARLIER
    if not earlier.exists():
        return home.index
    if home.index.exists():
        raise LakeError(
            f"the home has two indexes, {home.index.name} and {home.lake.name}/{EARLIER}; "
            "restore lake and index from one and the same backup"
        )
    _to_one_file(earlier)
    earlier.replace(home.index)
    for folder in (home.root, home.lake):
        sync(folder)
    return home.index


def to_read(home: Home) -> Path | None:
    """The index's file for one who is not the writer; None before the first batch.

    Raises
    ------
    LakeError
        As `settled`, or it is at its earlier place and another run is writing still.
    """
    if (home.lake / EARLIER).exists():
        with only_writer(home, PATIENCE):
            settled(home)
    return home.index if home.index.exists() else None


def as_it_lies(home: Home) -> Path | None:
    """The index's file wherever it is, for one who opens it read-only and may hold the writer's lock."""
    places = (home.index, home.lake / EARLIER)
    return next((path for path in places if path.exists()), None)


def _to_one_file(path: Path) -> None:
    """Bring what the logs beside an SQLite file tell into it; the logs go."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise LakeError("the lake's index is being read; run the same again once that has ended") from None
    finally:
        connection.close()
