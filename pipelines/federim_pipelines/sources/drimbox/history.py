"""Remember which instances each manifest named, so that a later one can take some back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, Self

from federim.home import Home, Role
from federim.keys import keyed
from federim.lake.storage import disk_may_refuse, private_files, scrub
from federim.model.identifiers import Pseudonym
from federim_pipelines.sources.drimbox.manifest import MANIFEST_TITLE, Manifest

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS manifest (
    place INTEGER PRIMARY KEY,
    study BLOB NOT NULL,
    manifest BLOB NOT NULL,
    written REAL NOT NULL,
    UNIQUE (study, manifest)
);
CREATE TABLE IF NOT EXISTS named (
    study BLOB NOT NULL,
    record BLOB NOT NULL,
    uid TEXT NOT NULL,
    person BLOB,
    PRIMARY KEY (study, record)
) WITHOUT ROWID;
"""


class History:
    """The manifests a site has followed, study by study: keyed digests and keyed UIDs, no other."""

    def __init__(self, home: Home) -> None:
        self._key = home.require(Role.SITE).secret("pulled")
        with disk_may_refuse(), private_files():
            self._connection = sqlite3.connect(home.pulled, isolation_level=None)
            self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLES}")
            self._add_later_column()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def superseded(self, manifest: Manifest) -> bool:
        """Whether a later manifest of one of its studies was followed.

        Of two of the same second the one met first is the earlier: sources renew a manifest under a new
        SOPInstanceUID, and not always with a new time.
        """
        return manifest.title == MANIFEST_TITLE and any(
            self._superseded(manifest, study) for study in self._studies(manifest)
        )

    def taken_back(self, manifest: Manifest, named: Mapping[bytes, str]) -> dict[bytes, str]:
        """What earlier manifests of its studies named, and this one, which replaces them, does not.

        Parameters
        ----------
        named : record key to keyed UID
            What it names itself; from `withdrawal.named`.
        """
        if manifest.title != MANIFEST_TITLE:
            return {}  # a selection of some images says nothing of the others
        earlier: dict[bytes, str] = {}
        for study in self._studies(manifest):
            earlier.update(
                self._connection.execute("SELECT record, uid FROM named WHERE study = ?", (study,))
            )
        return {record: uid for record, uid in earlier.items() if record not in named}

    def remember(self, manifest: Manifest, named: Mapping[bytes, str], person_id: Pseudonym) -> None:
        """Note that a manifest is followed: all of it or, if the process is killed, nothing."""
        if manifest.title != MANIFEST_TITLE:
            return
        with disk_may_refuse(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for study in self._studies(manifest):
                self._connection.execute(
                    "INSERT OR IGNORE INTO manifest (study, manifest, written) VALUES (?, ?, ?)",
                    (study, self._digest(manifest.SOPInstanceUID), manifest.written.timestamp()),
                )
                self._connection.executemany(
                    "INSERT OR IGNORE INTO named (study, record, uid, person) VALUES (?, ?, ?, ?)",
                    [(study, record, uid, self._person(person_id)) for record, uid in named.items()],
                )

    def forget(self, records: Iterable[bytes]) -> None:
        """Note that instances were withdrawn."""
        with disk_may_refuse(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "DELETE FROM named WHERE record = ?", [(record,) for record in records]
            )

    def forget_person(self, person_id: Pseudonym) -> int:
        """Leave nothing of what was named of a person; returns how many instances that was."""
        with disk_may_refuse():
            with self._connection:
                theirs = (self._person(person_id),)
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute(
                    "DELETE FROM manifest WHERE study IN (SELECT study FROM named WHERE person = ?)", theirs
                )
                gone = self._connection.execute("DELETE FROM named WHERE person = ?", theirs).rowcount
            scrub(self._connection)
        return gone

    def renamed(self, old: Pseudonym, new: Pseudonym) -> None:
        """Have what was named of a person found by another pseudonym."""
        with disk_may_refuse():
            self._connection.execute(
                "UPDATE named SET person = ? WHERE person = ?", (self._person(new), self._person(old))
            )

    def _person(self, person_id: Pseudonym) -> bytes:
        return keyed(self._key, "person", person_id)[:16]

    def _add_later_column(self) -> None:
        """Give a file that an earlier version made the column it has now."""
        if "person" not in {name for _, name, *_ in self._connection.execute("PRAGMA table_info(named)")}:
            self._connection.execute("ALTER TABLE named ADD COLUMN person BLOB")

    def _superseded(self, manifest: Manifest, study: bytes) -> bool:
        rows = self._connection.execute(
            "SELECT manifest, written FROM manifest WHERE study = ? ORDER BY written, place", (study,)
        ).fetchall()
        if not rows:
            return False
        current, written = rows[-1]
        mine = self._digest(manifest.SOPInstanceUID)
        if any(known == mine for known, _ in rows):
            return bool(mine != current)
        return bool(manifest.written.timestamp() < written)

    def _studies(self, manifest: Manifest) -> list[bytes]:
        return [self._digest(study.StudyInstanceUID) for study in manifest.studies]

    def _digest(self, uid: str) -> bytes:
        return keyed(self._key, "drimbox", uid)[:16]
