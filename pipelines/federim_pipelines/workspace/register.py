"""The workspaces a site built: where they are, and what somebody is called there who may have to leave."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Self

from federim.home import Home, Role
from federim.keys import keyed
from federim.lake.storage import disk_may_refuse, private_files, scrub
from federim.lake.workspace import Workspace
from federim.model.errors import HomeError, UnknownName
from federim.model.identifiers import Pseudonym

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS workspace (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    request TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    place TEXT NOT NULL,
    ends TEXT NOT NULL,
    pixels INTEGER NOT NULL,
    stands INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
    workspace TEXT NOT NULL REFERENCES workspace ON DELETE CASCADE,
    person BLOB NOT NULL,
    pseudonym TEXT NOT NULL,
    leaves INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace, person)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A workspace as its site knows it; `owed` persons have to leave it and are there still."""

    id: str
    project: str
    request: str
    snapshot: str
    place: Path
    ends: date
    pixels: bool
    persons: int
    owed: int

    @property
    def reachable(self) -> bool:
        """Whether its home can be found where it was built."""
        return self.place.is_dir()

    def over(self, today: date) -> bool:
        """Whether it is to be removed: its last day has passed."""
        return today > self.ends


def every(home: Home) -> list[Registered]:
    """All workspaces of a site; those that end first first."""
    if not home.workspaces.exists():
        return []
    with Register(home) as register:
        return register.every()


def with_persons(home: Home, persons: Collection[Pseudonym]) -> list[str]:
    """The workspaces that hold one of these persons of the lake: each one's project, id and last day."""
    if not home.workspaces.exists():
        return []
    with Register(home) as register:
        return [
            f"{each.id[:12]} of project {each.project}, until {each.ends}"
            for each in register.every()
            if register.holds(each.id, persons)
        ]


class Register:
    """A home's register of workspaces. Persons are in it by a digest of their pseudonym in the lake."""

    def __init__(self, home: Home) -> None:
        self._key = home.require(Role.SITE).secret("workspaces")
        with disk_may_refuse(), private_files():
            self._connection = sqlite3.connect(home.workspaces, isolation_level=None)
            self._connection.executescript(
                f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; {_TABLES}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(
        self, workspace: Workspace, place: Path, snapshot: str, members: Mapping[Pseudonym, Pseudonym]
    ) -> None:
        """Note a workspace that is about to stand, and what each person of the lake is called in it.

        Raises
        ------
        HomeError
            Another one stood at the same place, and cannot be reached now.
        """
        with disk_may_refuse(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            # What a kill left: nothing is there.
            self._connection.execute("DELETE FROM workspace WHERE place = ? AND NOT stands", (str(place),))
            if self._connection.execute("SELECT 1 FROM workspace WHERE place = ?", (str(place),)).fetchone():
                raise HomeError(
                    f"a workspace that this site built at {place} is not there any more: bring it back, or "
                    "federim workspace remove it"
                )
            self._connection.execute(
                "INSERT INTO workspace (id, project, request, snapshot, place, ends, pixels) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    workspace.id,
                    workspace.project,
                    workspace.request,
                    snapshot,
                    str(place),
                    workspace.ends.isoformat(),
                    workspace.pixels,
                ),
            )
            self._connection.executemany(
                "INSERT INTO member (workspace, person, pseudonym) VALUES (?, ?, ?)",
                [(workspace.id, self._digest(lake), own) for lake, own in members.items()],
            )

    def stands(self, workspace: str) -> None:
        """Note that a workspace is where it was to be."""
        self._connection.execute("UPDATE workspace SET stands = 1 WHERE id = ?", (workspace,))

    def drop_unfinished(self) -> None:
        """Forget workspaces whose build was killed before anything was there; none may be building now."""
        for id_, place in self._connection.execute(
            "SELECT id, place FROM workspace WHERE NOT stands"
        ).fetchall():
            if not Path(place).is_dir():
                self.removed(id_)

    def every(self) -> list[Registered]:
        """All workspaces, those that end first first."""
        rows = self._connection.execute(
            "SELECT id, project, request, snapshot, place, ends, pixels, count(person), "
            "coalesce(sum(leaves), 0) FROM workspace LEFT JOIN member ON workspace = id "
            "GROUP BY id ORDER BY ends, id"
        )
        return [
            Registered(
                id=id_,
                project=project,
                request=request,
                snapshot=snapshot,
                place=Path(place),
                ends=date.fromisoformat(ends),
                pixels=bool(pixels),
                persons=persons,
                owed=owed,
            )
            for id_, project, request, snapshot, place, ends, pixels, persons, owed in rows
        ]

    def one(self, wanted: str) -> Registered:
        """A workspace by its id, or the beginning of it that no other has; raise `UnknownName`."""
        every = self.every()
        found = [each for each in every if wanted and each.id.startswith(wanted)]
        if len(found) != 1:
            raise UnknownName("workspace", wanted, [each.id for each in every])
        return found[0]

    def have_leave(self, persons: Collection[Pseudonym], project: str = "") -> int:
        """Note that persons of the lake have to leave every workspace, or those of one project.

        Returns
        -------
        int
            From how many workspaces somebody has to go who was not noted before.
        """
        digests = [self._digest(each) for each in persons]
        marks = ", ".join("?" * len(digests))
        where = f"leaves = 0 AND person IN ({marks})"
        told: list[bytes | str] = [*digests]
        if project:
            where += " AND workspace IN (SELECT id FROM workspace WHERE project = ?)"
            told.append(project)
        with disk_may_refuse(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            (count,) = self._connection.execute(
                f"SELECT count(DISTINCT workspace) FROM member WHERE {where}", told
            ).fetchone()
            self._connection.execute(f"UPDATE member SET leaves = 1 WHERE {where}", told)
        return int(count)

    def holds(self, workspace: str, persons: Collection[Pseudonym]) -> bool:
        """Whether one of these persons of the lake is in a workspace."""
        digests = [self._digest(each) for each in persons]
        marks = ", ".join("?" * len(digests))
        query = f"SELECT 1 FROM member WHERE workspace = ? AND person IN ({marks}) LIMIT 1"
        return self._connection.execute(query, (workspace, *digests)).fetchone() is not None

    def leaving(self, workspace: str) -> list[Pseudonym]:
        """Who has to leave a workspace and is there still, by what they are called in it."""
        rows = self._connection.execute(
            "SELECT pseudonym FROM member WHERE workspace = ? AND leaves ORDER BY pseudonym", (workspace,)
        )
        return [Pseudonym(each) for (each,) in rows]

    def left(self, workspace: str, pseudonyms: Collection[Pseudonym]) -> None:
        """Forget persons who are not in a workspace any more; nothing of them stays in the file."""
        with disk_may_refuse():
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "DELETE FROM member WHERE workspace = ? AND pseudonym = ?",
                    [(workspace, each) for each in pseudonyms],
                )
            scrub(self._connection)

    def removed(self, workspace: str) -> None:
        """Forget a workspace that is gone, and whoever was in it."""
        with disk_may_refuse():
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute("DELETE FROM workspace WHERE id = ?", (workspace,))
            scrub(self._connection)

    def renamed(self, old: Pseudonym, new: Pseudonym) -> None:
        """Have a person be found by another pseudonym of the lake; in their workspaces nothing changes."""
        with disk_may_refuse():
            self._connection.execute(
                "UPDATE OR REPLACE member SET person = ? WHERE person = ?",
                (self._digest(new), self._digest(old)),
            )

    def _digest(self, person_id: Pseudonym) -> bytes:
        return keyed(self._key, "person", person_id)[:16]
