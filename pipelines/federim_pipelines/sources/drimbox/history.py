"""Remember which instances each manifest named, so that a later one can take some back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, Self

from federim.home import Home, Role
from federim.keys import keyed
from federim.lake.storage import disk_may_refuse, private_files
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

    def remember(self, manifest: Manifest, named: Mapping[bytes, str]) -> None:
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
                    "INSERT OR IGNORE INTO named VALUES (?, ?, ?)",
                    [(study, record, uid) for record, uid in named.items()],
                )

    def forget(self, records: Iterable[bytes]) -> None:
        """Note that instances were withdrawn."""
        with disk_may_refuse(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "DELETE FROM named WHERE record = ?", [(record,) for record in records]
            )

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
