"""The researcher's door: `federim.open` gives tables, cohorts and snapshots as pandas frames."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pandas as pd
import pyarrow as pa

from federim.home import Home, Role, find_home
from federim.lake import attrition as counting
from federim.lake import cohort, dictionary, prose, reader, snapshot, workspace
from federim.lake.attrition_picture import as_svg
from federim.lake.compiler import rules
from federim.lake.declaration import Table
from federim.lake.prose import Language
from federim.lake.snapshot import Snapshot
from federim.lake.snapshot_tables import SNAPSHOT_TABLES
from federim.model.cohort import CohortDefinition
from federim.model.errors import InputError, UnknownName


class Picture:
    """An SVG that a notebook draws where it is a cell's last line."""

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg


class Tables:
    """Tables that can be read and nothing else. A context manager; `close` does the same."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: dict[str, Table], *, seconds: int
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._seconds = seconds

    def sql(self, query: str) -> pd.DataFrame:
        """The result of one SELECT; dates as datetime64, text as pandas' own string type.

        Raises
        ------
        QueryRefused, UnknownName, UserError
            See `lake.reader.query`.
        """
        return _frame(reader.query(self._connection, query, seconds=self._seconds))

    def tables(self) -> pd.DataFrame:
        """Every table: its name, what a row is, and how many there are."""
        counts = " UNION ALL ".join(
            f"SELECT '{name}' AS name, count(*) AS rows FROM \"{name}\"" for name in self._tables
        )
        rows = self.sql(counts).set_index("name")["rows"]
        return pd.DataFrame(
            [(name, table.grain, rows[name]) for name, table in self._tables.items()],
            columns=["table", "grain", "rows"],
        )

    def describe(self, table: str) -> pd.DataFrame:
        """The dictionary of one table: a row a column, with type, unit, codes and meaning."""
        if table not in self._tables:
            raise UnknownName("table", table, self._tables)
        return pd.DataFrame(dictionary.describe(self._tables[table]))

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FrozenCohort(Tables):
    """A snapshot: the same methods, over the cohort's persons and series alone."""

    def __init__(self, home: Home, frozen: Snapshot) -> None:
        seconds = home.settings.query_seconds
        super().__init__(snapshot.connect(home, frozen, seconds=seconds), SNAPSHOT_TABLES, seconds=seconds)
        self.snapshot = frozen


class Research(Tables):
    """A home, open for research: its live tables, its cohorts and its snapshots."""

    def __init__(self, home: Home) -> None:
        super().__init__(
            reader.connect_home(home), workspace.tables(home), seconds=home.settings.query_seconds
        )
        self._home = home

    def cohorts(self) -> pd.DataFrame:
        """Every cohort the home defines: title, snapshots, and what keeps its file from being used."""
        frozen = snapshot.every(self._home)
        rows = []
        for name in cohort.names(self._home):
            ids = [one.id for one in frozen if one.cohort == name]
            title, refused = "", None
            try:
                title = cohort.load(self._home, name).title
            except (InputError, UnknownName) as error:
                refused = str(error)
            rows.append((name, title, ids, refused))
        return pd.DataFrame(rows, columns=["cohort", "title", "snapshots", "error"])

    def count(self, cohort_or_name: str | CohortDefinition) -> dict[str, int]:
        """How many persons and series a cohort has today: {"persons": …, "series": …}.

        Raises
        ------
        UnknownName, InputError
            See `lake.cohort.load` and `lake.cohort.compile`.
        """
        compiled = cohort.compile(self._definition(cohort_or_name))
        members = cohort.evaluate(self._connection, compiled, seconds=self._seconds)
        return {"persons": members.persons.num_rows, "series": members.series.num_rows}

    def prose(self, cohort_or_name: str | CohortDefinition, lang: str = "en") -> str:
        """The cohort in words a committee can read: English, or French with `lang="fr"`."""
        return prose.describe(self._definition(cohort_or_name), _language(lang))

    def attrition(self, cohort_or_name: str | CohortDefinition, lang: str = "en") -> pd.DataFrame:
        """How many persons and series each rule leaves: a row a rule, the first of everybody.

        Counts are missing where they, or a difference of two of them, would be of fewer persons than the
        home's `small_cell`.

        Raises
        ------
        UnknownName, InputError
            See `count`; also of a language that is neither "en" nor "fr".
        """
        steps = self._attrition(cohort_or_name, _language(lang)).steps
        frame = pd.DataFrame(
            [step.as_document() for step in steps], columns=["rule", "persons", "left_out", "series"]
        )
        return frame.astype({"persons": "Int64", "left_out": "Int64", "series": "Int64"})

    def flow_chart(self, cohort_or_name: str | CohortDefinition, lang: str = "en") -> Picture:
        """The attrition as a picture; errors are those of `attrition`."""
        language = _language(lang)
        return Picture(as_svg(self._attrition(cohort_or_name, language), language))

    def _attrition(self, cohort_or_name: str | CohortDefinition, language: Language) -> counting.Attrition:
        definition = self._definition(cohort_or_name)
        steps = len(rules(definition))
        counts = counting.count(self._connection, cohort.compile(definition), steps, self._seconds)
        return counting.told(definition, counts, self._home.settings.small_cell, language)

    def _definition(self, cohort_or_name: str | CohortDefinition) -> CohortDefinition:
        return cohort.load(self._home, cohort_or_name) if isinstance(cohort_or_name, str) else cohort_or_name

    def snapshot(self, wanted: str) -> FrozenCohort:
        """A frozen cohort by id, by the beginning of its id, or by cohort: the latest.

        Raises
        ------
        UnknownName
            There is none; the message suggests the nearest.
        """
        return FrozenCohort(self._home, snapshot.load(self._home, wanted))


def open(home: str | Path | None = None) -> Research:
    """Open a site's or workspace's home; the one `FEDERIM_HOME` names where none is given.

    Raises
    ------
    HomeError
        No home there, or it is a hub, which holds no patient's data.
    NotApproved, VerificationFailed
        A workspace whose last day is over, or that is not as its site signed it.
    """
    found = Home.open(find_home(None if home is None else Path(home)))
    return Research(found.require(Role.SITE, Role.WORKSPACE))


def _language(lang: str) -> Language:
    if lang not in list(Language):
        raise InputError(f"lang: expected {' or '.join(repr(one.value) for one in Language)}")
    return Language(lang)


def _frame(result: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = result.to_pandas(date_as_object=False)
    return frame
