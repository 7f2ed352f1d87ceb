"""OMOP's concepts, as a site loaded them: what a code means in the standard vocabulary."""

from __future__ import annotations

import csv
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from federim.home import Home
from federim.model.errors import InputError

CONCEPT, RELATIONSHIP, SITE_MAP = "CONCEPT", "CONCEPT_RELATIONSHIP", "SOURCE_TO_CONCEPT_MAP"
CONCEPT_COLUMNS = ("concept_id", "vocabulary_id", "concept_code", "standard_concept", "invalid_reason")
SUFFIXES = (".csv", ".CSV", ".tsv")

_ID = re.compile(r"[0-9]{1,18}")

_TABLES = """
CREATE TABLE concept (
    concept_id INTEGER PRIMARY KEY, vocabulary TEXT, code TEXT, standard INTEGER, valid INTEGER
);
CREATE TABLE maps_to (source INTEGER, target INTEGER);
CREATE TABLE told (vocabulary TEXT, code TEXT, target INTEGER);
CREATE TABLE meaning (
    vocabulary TEXT, code TEXT, standard INTEGER, PRIMARY KEY (vocabulary, code)
) WITHOUT ROWID;
"""
# What maps to several standard concepts means them together, as a complication and its cause: none of
# them alone stands for it, so it has 0. What several concepts are called is the valid one's. What the site
# itself says of a code goes before what OMOP says.
_SETTLE = """
DELETE FROM maps_to WHERE target NOT IN (SELECT concept_id FROM concept WHERE standard);
DELETE FROM told WHERE target NOT IN (SELECT concept_id FROM concept WHERE standard);
CREATE INDEX by_source ON maps_to (source);
UPDATE concept SET standard = CASE WHEN standard THEN concept_id ELSE coalesce(
    (SELECT CASE WHEN count(DISTINCT target) = 1 THEN min(target) ELSE 0 END
     FROM maps_to WHERE source = concept_id), 0) END;
INSERT INTO meaning
SELECT vocabulary, code, CASE WHEN count(DISTINCT target) = 1 THEN min(target) ELSE 0 END
FROM told GROUP BY vocabulary, code;
INSERT OR IGNORE INTO meaning
SELECT vocabulary, code, standard FROM concept ORDER BY valid DESC, concept_id;
DROP TABLE maps_to;
DROP TABLE told;
"""


@dataclass(frozen=True, slots=True)
class Name:
    """How a concept is called in the vocabulary it comes from."""

    vocabulary: str  # OMOP's vocabulary_id
    code: str  # concept_code


class Concepts:
    """Looks concepts up; for the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, home: Home) -> Self | None:
        """The vocabulary a site has loaded; None if it has none."""
        if not home.vocabulary.exists():
            return None
        return cls(sqlite3.connect(f"{home.vocabulary.as_uri()}?mode=ro&immutable=1", uri=True))

    @classmethod
    def of(cls, concepts: Iterable[Sequence[str]]) -> Self:
        """The vocabulary that lies beside records, in a file that lasts as long as this object.

        Parameters
        ----------
        concepts : rows of CONCEPT
            The cells of `CONCEPT_COLUMNS`.
        """
        connection = sqlite3.connect("")
        connection.executescript(_TABLES)
        _add_concepts(connection, concepts)
        connection.executescript(_SETTLE)
        return cls(connection)

    def close(self) -> None:
        """Close the file; nothing can be looked up any more."""
        self._connection.close()

    def standard(self, vocabulary: str, code: str) -> int:
        """The standard concept of a code; 0 where the vocabulary does not say, or says several."""
        row = self._connection.execute(
            "SELECT standard FROM meaning WHERE vocabulary = ? AND code = ?", (vocabulary, code)
        ).fetchone()
        return int(row[0]) if row else 0

    def name(self, concept_id: int) -> Name | None:
        """What a concept is called; None if the vocabulary does not hold it."""
        row = self._connection.execute(
            "SELECT vocabulary, code FROM concept WHERE concept_id = ?", (concept_id,)
        ).fetchone()
        return Name(*row) if row else None

    def counts(self) -> dict[str, tuple[int, int]]:
        """By vocabulary: how many codes it has, and how many of them mean one standard concept."""
        return {
            vocabulary: (codes, meant)
            for vocabulary, codes, meant in self._connection.execute(
                "SELECT vocabulary, count(*), count(nullif(standard, 0)) FROM meaning GROUP BY 1 ORDER BY 1"
            )
        }


def load(home: Home, folder: Path) -> dict[str, tuple[int, int]]:
    """Make a vocabulary folder the site's: what it held before is replaced, or stays if this fails.

    Parameters
    ----------
    folder : path
        CONCEPT and CONCEPT_RELATIONSHIP as OHDSI's Athena writes them (tab-separated `.csv`) or with commas;
        SOURCE_TO_CONCEPT_MAP too, if the site maps codes of its own.

    Returns
    -------
    dict
        As `Concepts.counts`.

    Raises
    ------
    InputError
        A file or a column is missing, or a row is not one.
    """
    paths = [_find(folder, name) for name in (CONCEPT, RELATIONSHIP, SITE_MAP)]
    for name, path in zip((CONCEPT, RELATIONSHIP), paths, strict=False):
        if path is None:
            raise InputError(
                f"{folder}: no {name}.csv; give the folder that a download from athena.ohdsi.org unpacks to"
            )
    pending = home.vocabulary.with_suffix(".new")
    pending.unlink(missing_ok=True)
    os.close(os.open(pending, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(pending)) as connection:
            connection.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off;")
            with ExitStack() as open_files:
                concepts, relationships, site_map = (
                    None
                    if path is None
                    else open_files.enter_context(path.open(encoding="utf-8", newline=""))
                    for path in paths
                )
                assert concepts is not None and relationships is not None  # they were found
                _fill(connection, concepts, relationships, site_map)
            connection.execute("VACUUM")
        with pending.open("rb") as written:
            os.fsync(written.fileno())
        pending.replace(home.vocabulary)
    except BaseException:
        pending.unlink(missing_ok=True)
        raise
    with closing(sqlite3.connect(home.vocabulary)) as connection:
        return Concepts(connection).counts()


def _add_concepts(connection: sqlite3.Connection, concepts: Iterable[Sequence[str]]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO concept VALUES (?, ?, ?, ?, ?)",
        (
            (number, vocabulary, code, standard == "S", not invalid)
            for number, vocabulary, code, standard, invalid in concepts
            if _ID.fullmatch(number)
        ),
    )


def _fill(
    connection: sqlite3.Connection, concepts: TextIO, relationships: TextIO, site_map: TextIO | None
) -> None:
    connection.executescript(_TABLES)
    _add_concepts(connection, _rows(CONCEPT, concepts, CONCEPT_COLUMNS))
    columns: tuple[str, ...] = ("concept_id_1", "concept_id_2", "relationship_id", "invalid_reason")
    connection.executemany(
        "INSERT INTO maps_to VALUES (?, ?)",
        (
            (source, target)
            for source, target, kind, invalid in _rows(RELATIONSHIP, relationships, columns)
            if kind == "Maps to" and not invalid
        ),
    )
    if site_map is not None:
        columns = ("source_vocabulary_id", "source_code", "target_concept_id", "invalid_reason")
        connection.executemany(
            "INSERT INTO told VALUES (?, ?, ?)",
            (
                (vocabulary, code, target)
                for vocabulary, code, target, invalid in _rows(SITE_MAP, site_map, columns)
                if not invalid
            ),
        )
    connection.executescript(_SETTLE)
    connection.commit()


def _rows(name: str, text: TextIO, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The given columns of each row. Athena separates with tabs and quotes nothing; others use commas."""
    header = text.readline().rstrip("\r\n").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    tabs = "\t" in header
    names = [cell.strip('"').lower() for cell in header.split("\t" if tabs else ",")]
    missing = [column for column in columns if column not in names]
    if missing:
        raise InputError(f"{name}: column {missing[0]} is missing; expected the columns of OMOP CDM 5.4")
    places = [names.index(column) for column in columns]
    reader = (
        csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(text, strict=True)
    )
    identifiers = [place for place, column in zip(places, columns, strict=True) if "concept_id" in column]
    try:
        for row in reader:
            if len(row) != len(names) or not all(_ID.fullmatch(row[place]) for place in identifiers):
                raise InputError(
                    f"{name}, line {reader.line_num + 1}: expected {len(names)} cells, with numbers in "
                    f"{', '.join(column for column in columns if 'concept_id' in column)}"
                )
            yield tuple(row[place] for place in places)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(
            f"{name}, after line {reader.line_num + 1}: not readable ({type(error).__name__})"
        ) from None


def _find(folder: Path, name: str) -> Path | None:
    spellings = (word + suffix for word in (name, name.lower()) for suffix in SUFFIXES)
    return next((path for spelling in spellings if (path := folder / spelling).is_file()), None)
