"""The vault's tables, declared once for every database that may hold them."""

from __future__ import annotations

from typing import Final

# {blob} is the database's own word for bytes. What is called sealed is encrypted for its column and row,
# what is called digest or lookup is a keyed hash: without the vault key neither says anything.
TABLES: Final = {
    "key_check": "CREATE TABLE key_check (digest {blob} NOT NULL)",
    # Keys of the vault's own that outlive the vault key: what they hashed cannot be hashed anew.
    "kept_key": "CREATE TABLE kept_key (name TEXT PRIMARY KEY, sealed {blob} NOT NULL)",
    # Epochs of the key server that this site has accepted, by public key.
    "epoch": "CREATE TABLE epoch (key_server {blob} PRIMARY KEY, number BIGINT NOT NULL)",
    "person": (
        "CREATE TABLE person (person_id TEXT PRIMARY KEY, "
        "seed {blob} NOT NULL)"  # sealed; pseudonym, dates and UIDs derive from it, whatever epoch follows
    ),
    "token": (
        "CREATE TABLE token (person_id TEXT NOT NULL REFERENCES person, key_server {blob} NOT NULL, "
        "token {blob} NOT NULL, "  # sealed
        "PRIMARY KEY (person_id, key_server))"
    ),
    # Tokens of an INS that another one followed (NIA, then NIR): other sites may know the person by them.
    "former_token": (
        "CREATE TABLE former_token (person_id TEXT NOT NULL REFERENCES person, key_server {blob} NOT NULL, "
        "digest {blob} NOT NULL, token {blob} NOT NULL, PRIMARY KEY (person_id, digest))"
    ),
    "identifier": (
        "CREATE TABLE identifier (lookup {blob} PRIMARY KEY, person_id TEXT NOT NULL REFERENCES person, "
        "oid TEXT, "  # authority of an INS; null where the identifier is local
        "issuer {blob} NOT NULL, value {blob} NOT NULL)"  # sealed
    ),
    # Identifiers of persons whose token could not be had yet: what is told of them waits as well.
    "awaiting": "CREATE TABLE awaiting (lookup {blob} PRIMARY KEY)",
    # What was keyed under a person's seed, and the original it stands for.
    "original": (
        "CREATE TABLE original (person_id TEXT NOT NULL, digest {blob} NOT NULL, sealed {blob} NOT NULL, "
        "PRIMARY KEY (person_id, digest))"
    ),
    # Persons who have another pseudonym now, until the lake has it too.
    "rewriting": (
        "CREATE TABLE rewriting (old_person_id TEXT PRIMARY KEY, seed {blob} NOT NULL, "
        "linked INTEGER NOT NULL, new_person_id TEXT NOT NULL REFERENCES person)"
    ),
    # Who objects: digests under a key kept for it. An empty project is all research, an empty site this one.
    "suppressed": (
        "CREATE TABLE suppressed (digest {blob} NOT NULL, project TEXT NOT NULL, told_by TEXT NOT NULL, "
        "together {blob} NOT NULL, "  # random; the same for all digests of one person, which are lifted together
        "PRIMARY KEY (digest, project, told_by))"
    ),
    # Erasures that have begun, until they are done.
    "erasure": "CREATE TABLE erasure (erasure_id TEXT PRIMARY KEY, state {blob} NOT NULL)",
}

INDEXES: Final = (
    "CREATE UNIQUE INDEX identifier_one_ins ON identifier (person_id, oid) WHERE oid IS NOT NULL",
    "CREATE INDEX identifier_person ON identifier (person_id)",
    "CREATE INDEX rewriting_new ON rewriting (new_person_id)",
    "CREATE INDEX suppressed_together ON suppressed (together)",
)


def statements(blob: str, suffix: str = "") -> list[str]:
    """The statements that make an empty vault.

    Parameters
    ----------
    blob : str
        The type of bytes.
    suffix : str
        What the database wants after each table's closing parenthesis.
    """
    return [declared.format(blob=blob) + suffix for declared in TABLES.values()] + list(INDEXES)
