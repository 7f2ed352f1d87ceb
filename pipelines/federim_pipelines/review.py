"""Keep the texts that de-identification let through into the lake, for a person of the site to judge.

They lie in a SQLite file of the home, not in the lake: what researchers query must not show them side by
side, a count goes up in place, and a decision is one row changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from federim.audit import trail
from federim.home import Home, Role
from federim.lake.storage import disk_may_refuse, private_files, scrub
from federim.model.errors import InputError

_TABLES = """
CREATE TABLE IF NOT EXISTS text (
    id INTEGER PRIMARY KEY,
    tag INTEGER NOT NULL,
    text TEXT NOT NULL,
    count INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'new',
    decided_by TEXT,
    decided_at TEXT,
    UNIQUE (tag, text)
);
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER NOT NULL,
    id INTEGER NOT NULL REFERENCES text,
    count INTEGER NOT NULL,
    PRIMARY KEY (number, id)
) WITHOUT ROWID;
"""


class State(StrEnum):
    """What became of a text's review."""

    NEW = "new"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class RetainedText:
    """A text that was let through: `tag` is the attribute's, `count` the instances it was met in."""

    id: int
    tag: int
    text: str
    count: int
    state: State


class Review:
    """The texts of one home and what was decided of each."""

    def __init__(self, home: Home) -> None:
        self._home = home.require(Role.SITE)
        with disk_may_refuse(), private_files():
            self._connection = sqlite3.connect(home.retained, isolation_level=None)
            self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLES}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, batch: int, counts: Mapping[tuple[int, str], int]) -> None:
        """Count the texts of a batch of the lake that is about to be committed.

        If the commit never happens, the next batch bears the same number, and takes the place of this one:
        counts are lost with their rows, and only with them.

        Parameters
        ----------
        counts : by tag and text

        Raises
        ------
        StorageFull
            The disk refuses; nothing was counted.
        """
        run, many = self._connection.execute, self._connection.executemany
        with disk_may_refuse(), self._changing():
            # A batch before this one is in the lake: its counts are settled.
            run(
                "UPDATE text SET count = text.count + settled.count FROM "
                "(SELECT id, sum(count) AS count FROM batch WHERE number < ? GROUP BY id) AS settled "
                "WHERE text.id = settled.id",
                (batch,),
            )
            run("DELETE FROM batch")
            many("INSERT OR IGNORE INTO text (tag, text, count) VALUES (?, ?, 0)", counts)
            many(
                "INSERT INTO batch SELECT ?, id, ? FROM text WHERE tag = ? AND text = ?",
                ((batch, count, *which) for which, count in counts.items()),
            )

    def texts(self) -> list[RetainedText]:
        """Every distinct text of an attribute, those not decided first, then the most frequent first."""
        found = self._connection.execute(
            "SELECT text.id, tag, text, text.count + coalesce(sum(batch.count), 0) AS met, state "
            "FROM text LEFT JOIN batch USING (id) GROUP BY text.id HAVING met > 0 "
            "ORDER BY state <> 'new', met DESC, text.id"
        )
        return [RetainedText(id_, tag, text, met, State(state)) for id_, tag, text, met, state in found]

    @property
    def rejected(self) -> frozenset[str]:
        """What no later ingest may let through."""
        found = self._connection.execute("SELECT text FROM text WHERE state = ?", (State.REJECTED,))
        return frozenset(text for (text,) in found)

    def decide(self, *, approve: Collection[int], reject: Collection[int], actor: str) -> None:
        """Write down a person's decisions, by the texts' ids; an earlier decision is changed.

        The audit trail is told who decided of how many, and never of which.

        Raises
        ------
        InputError
            An id is unknown, or both approved and rejected; nothing was decided.
        """
        asked = [*approve, *reject]
        known = {text.id for text in self.texts()}
        if not known.issuperset(asked) or set(approve) & set(reject):
            raise InputError(
                "a number is of no text, or both approved and rejected; federim deidentify review shows them"
            )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        decisions = [(State.APPROVED, actor, now, id_) for id_ in approve]
        decisions += [(State.REJECTED, actor, now, id_) for id_ in reject]
        with disk_may_refuse(), self._changing():
            self._connection.executemany(
                "UPDATE text SET state = ?, decided_by = ?, decided_at = ? WHERE id = ?", decisions
            )
            # Inside, so that a decision nobody can answer for is not kept.
            trail.record(
                self._home, actor, "deidentify.review", approved=len(set(approve)), rejected=len(set(reject))
            )

    def forget(self, theirs: Mapping[tuple[int, str], int]) -> int:
        """Drop the texts that were met in as many instances as these, and so in no others; returns how many.

        Parameters
        ----------
        theirs : by tag and text
            In how many instances that are about to go.
        """
        alone = [text.id for text in self.texts() if text.count <= theirs.get((text.tag, text.text), 0)]
        with disk_may_refuse():
            with self._changing():
                for table in ("batch", "text"):
                    self._connection.executemany(
                        f"DELETE FROM {table} WHERE id = ?", [(id_,) for id_ in alone]
                    )
            scrub(self._connection)
        return len(alone)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield
