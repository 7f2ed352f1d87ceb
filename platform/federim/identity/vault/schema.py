"""The vault's tables, declared once for every database that may hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1  # of what is declared here; a vault of another one is not touched

# The databases' own word for bytes takes the place of this one.
BYTES: Final = "BYTES"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, each with its type and what must hold for it, and what must hold for its rows."""

    columns: Mapping[str, str]
    constraint: str = ""

    def kind(self, column: str) -> str:
        """The type of a column: TEXT, INTEGER, BIGINT or BYTES."""
        return self.columns[column].split()[0]


# A table comes after those it refers to. What is called sealed is encrypted for its column and row, what is
# called digest or lookup is a keyed hash: without the vault key neither says anything.
TABLES: Final = {
    "key_check": Table({"digest": "BYTES NOT NULL", "version": "INTEGER NOT NULL"}),
    # Keys of the vault's own that outlive the vault key: what they hashed cannot be hashed anew.
    "kept_key": Table({"name": "TEXT PRIMARY KEY", "sealed": "BYTES NOT NULL"}),
    # Epochs of the key server that this site has accepted, by public key.
    "epoch": Table({"key_server": "BYTES PRIMARY KEY", "number": "BIGINT NOT NULL"}),
    "person": Table(
        {
            "person_id": "TEXT PRIMARY KEY",
            # Sealed; pseudonym, dates and UIDs derive from it, whatever epoch follows.
            "seed": "BYTES NOT NULL",
        }
    ),
    "token": Table(
        {
            "person_id": "TEXT NOT NULL REFERENCES person",
            "key_server": "BYTES NOT NULL",
            "token": "BYTES NOT NULL",  # sealed
        },
        "PRIMARY KEY (person_id, key_server)",
    ),
    # Tokens of an INS that another one followed (NIA, then NIR): other sites may know the person by them.
    "former_token": Table(
        {
            "person_id": "TEXT NOT NULL REFERENCES person",
            "key_server": "BYTES NOT NULL",
            "digest": "BYTES NOT NULL",
            "token": "BYTES NOT NULL",  # sealed
        },
        "PRIMARY KEY (person_id, digest)",
    ),
    "identifier": Table(
        {
            "lookup": "BYTES PRIMARY KEY",
            "person_id": "TEXT NOT NULL REFERENCES person",
            "oid": "TEXT",  # authority of an INS; null where the identifier is local
            "issuer": "BYTES NOT NULL",  # sealed
            "value": "BYTES NOT NULL",  # sealed
        }
    ),
    # Identifiers of persons whose token could not be had yet: what is told of them waits as well.
    "awaiting": Table({"lookup": "BYTES PRIMARY KEY", "sealed": "BYTES NOT NULL"}),
    # What was keyed under a person's seed, and the original it stands for.
    "original": Table(
        {"person_id": "TEXT NOT NULL", "digest": "BYTES NOT NULL", "sealed": "BYTES NOT NULL"},
        "PRIMARY KEY (person_id, digest)",
    ),
    # Persons who have another pseudonym now, until the lake has it too.
    "rewriting": Table(
        {
            "old_person_id": "TEXT PRIMARY KEY",
            "seed": "BYTES NOT NULL",  # sealed
            "linked": "INTEGER NOT NULL",
            "new_person_id": "TEXT NOT NULL REFERENCES person",
        }
    ),
    # Who objects: digests under a key kept for it. An empty project is all research, an empty site this one.
    "suppressed": Table(
        {
            "digest": "BYTES NOT NULL",
            "project": "TEXT NOT NULL",
            "told_by": "TEXT NOT NULL",
            # Random; the same for all digests of one person, which are lifted together.
            "together": "BYTES NOT NULL",
        },
        "PRIMARY KEY (digest, project, told_by)",
    ),
    # Erasures that have begun, until they are done.
    "erasure": Table({"erasure_id": "TEXT PRIMARY KEY", "state": "BYTES NOT NULL"}),
}

INDEXES: Final = (
    "CREATE UNIQUE INDEX identifier_one_ins ON identifier (person_id, oid) WHERE oid IS NOT NULL",
    "CREATE INDEX identifier_person ON identifier (person_id)",
    "CREATE INDEX rewriting_new ON rewriting (new_person_id)",
    "CREATE INDEX suppressed_together ON suppressed (together)",
)


def statements(words: Mapping[str, str], suffix: str = "") -> list[str]:
    """The statements that make an empty vault.

    Parameters
    ----------
    words : mapping
        The database's own word for a type, where it has another.
    suffix : str
        What the database wants after each table's closing parenthesis.
    """
    made = []
    for name, table in TABLES.items():
        parts = []
        for column, declared in table.columns.items():
            kind, _, holds = declared.partition(" ")
            parts.append(f"{column} {words.get(kind, kind)} {holds}".rstrip())
        if table.constraint:
            parts.append(table.constraint)
        made.append(f"CREATE TABLE {name} ({', '.join(parts)}){suffix}")
    return made + list(INDEXES)
