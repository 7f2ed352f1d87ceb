"""Keep the codes of drugs and specimens, which other FHIR resources mention by name alone."""

from __future__ import annotations

import sqlite3
from typing import Final, Self

from federim.home import Home
from federim.keys import keyed
from federim.lake.storage import disk_may_refuse, private_files
from federim_pipelines.codes.code import Code
from federim_pipelines.sources.fhir.codings import GIVEN, SPECIMENS, preferred
from federim_pipelines.sources.fhir.content import Resource

FILE: Final = "fhir-codes.sqlite3"

# The element of each kind that holds its code, and the systems that are preferred.
NAMED: Final = {"Medication": ("code", GIVEN), "Specimen": ("type", SPECIMENS)}


class NamedCodes:
    """A file of the home: keyed digests of resource names, and codes.

    It outlives a run because a server that is asked for changes does not repeat the drug that a new
    administration mentions. Resources that say more of a person than a code, such as an ImagingStudy with
    its UID, are not kept: whoever opposes would have to be found in here.
    """

    def __init__(self, home: Home, issuer: str) -> None:
        self._path = home.root / FILE
        self._key = home.secret("fhir-codes")
        self._issuer = issuer
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            with disk_may_refuse():
                self._connection.commit()
            self._connection.close()

    def learn(self, resource: Resource) -> None:
        """Remember the code of a Medication or Specimen, if it has an id and a code."""
        code, name = code_of(resource), resource.get("id")
        if code is not None and isinstance(name, str):
            row = (self._digest(resource["resourceType"], name), code.code, code.system)
            with disk_may_refuse():
                self._open().execute("INSERT OR REPLACE INTO named VALUES (?, ?, ?)", row)

    def find(self, kind: str, name: str) -> Code | None:
        """The code of the resource of a kind and id, if it was ever met."""
        if self._connection is None and not self._path.exists():
            return None
        query = "SELECT code, system FROM named WHERE name = ?"
        found = self._open().execute(query, (self._digest(kind, name),)).fetchone()
        return None if found is None else Code(*found)

    def _digest(self, kind: str, name: str) -> bytes:
        return keyed(self._key, self._issuer, kind, name)[:16]

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            with disk_may_refuse(), private_files():
                self._connection = sqlite3.connect(self._path)
                self._connection.executescript(
                    "PRAGMA journal_mode = WAL;"
                    "CREATE TABLE IF NOT EXISTS named "
                    "(name BLOB PRIMARY KEY, code TEXT NOT NULL, system TEXT) WITHOUT ROWID;"
                )
        return self._connection


def code_of(resource: Resource) -> Code | None:
    """The code of a Medication or Specimen."""
    element, systems = NAMED[resource["resourceType"]]
    return preferred(resource.get(element), systems)
