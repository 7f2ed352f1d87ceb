"""Count rows that speak of what the lake does not hold, a bucket at a time: nobody's rows are in two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from federim.home import Home
from federim.lake.declaration import Table
from federim.lake.declared.clinical import REPORT, REPORT_STUDY
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, INSTANCE, INSTANCE_FILE, STUDY, VOLUME_GEOMETRY
from federim.lake.declared.persons import PERSON
from federim.lake.maintenance.problems import Problem, counted
from federim.lake.person_rows import PERSON_ID
from federim.lake.reader import connect, query
from federim.lake.schema import BUCKETS, TABLES

_SECONDS: Final = 24 * 3600  # of one query over one bucket


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of a table whose values are keys of another table; null speaks of nothing."""

    table: Table
    column: str
    to: Table

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column}"

    @property
    def sql(self) -> str:
        """Counts the rows without a counterpart."""
        (key,) = self.to.key
        return (
            f'SELECT count(*) AS "count" FROM "{self.table.name}" AS t WHERE t."{self.column}" IS NOT NULL '
            f'AND NOT EXISTS (SELECT 1 FROM "{self.to.name}" AS u WHERE u."{key}" = t."{self.column}")'
        )


REFERENCES: Final = (
    *(
        Reference(table, PERSON_ID, PERSON)
        for table in TABLES.values()
        if table.person and table is not PERSON
    ),
    Reference(IMAGE_OCCURRENCE, "StudyInstanceUID", STUDY),
    Reference(INSTANCE, "SeriesInstanceUID", IMAGE_OCCURRENCE),
    Reference(INSTANCE_FILE, "SOPInstanceUID", INSTANCE),
    Reference(INSTANCE, "SOPInstanceUID", INSTANCE_FILE),
    Reference(VOLUME_GEOMETRY, "SeriesInstanceUID", IMAGE_OCCURRENCE),
    Reference(REPORT_STUDY, "report_id", REPORT),
)

_MISCOUNTED: Final = """
SELECT count(*) AS "count" FROM image_occurrence AS s LEFT JOIN
    (SELECT "SeriesInstanceUID", count(*) AS n FROM instance GROUP BY ALL) AS i USING ("SeriesInstanceUID")
WHERE s."NumberOfInstances" != coalesce(i.n, 0)
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """What refers to nothing, by reference; keys that a table has twice, by table; series miscounted."""

    dangling: Mapping[str, int]
    twice: Mapping[str, int]
    miscounted: int

    def problems(self) -> Iterator[Problem]:
        for reference in REFERENCES:
            yield from counted(
                str(reference),
                self.dangling.get(str(reference), 0),
                f"rows speak of no row of {reference.to.name}",
                "each to have its counterpart",
            )
        for name, count in self.twice.items():
            key = ", ".join(TABLES[name].key)
            yield from counted(name, count, f"rows repeat another one's key ({key})", "one row a key")
        yield from counted(
            f"{IMAGE_OCCURRENCE.name}.NumberOfInstances",
            self.miscounted,
            "series have another number",
            "that of their rows in instance",
        )


def count(home: Home, files: Mapping[str, Sequence[Path]]) -> Iterator[Counted]:
    """What is wrong in each bucket in turn; `total` sums it.

    Parameters
    ----------
    files : by table
        Those that can be queried.
    """
    for bucket in range(BUCKETS):
        theirs = {
            name: [path for path in paths if path.parent.name == f"bucket={bucket}"]
            for name, paths in files.items()
            if TABLES[name].person
        }
        yield _count(home, theirs)


def total(parts: Sequence[Counted]) -> Counted:
    """The sum over buckets."""
    dangling: Counter[str] = Counter()
    twice: Counter[str] = Counter()
    for part in parts:
        dangling.update(part.dangling)
        twice.update(part.twice)
    return Counted(dict(dangling), dict(twice), sum(part.miscounted for part in parts))


def _count(home: Home, files: Mapping[str, Sequence[Path]]) -> Counted:
    tables = {name: table for name, table in TABLES.items() if table.person}
    with connect(files, memory=home.settings.query_memory, tables=tables) as connection:

        def number(sql: str) -> int:
            (row,) = query(connection, sql, seconds=_SECONDS).to_pylist()
            return int(row["count"])

        return Counted(
            dangling={str(each): number(each.sql) for each in REFERENCES if files.get(each.table.name)},
            twice={name: number(_twice(tables[name])) for name, paths in files.items() if paths},
            miscounted=number(_MISCOUNTED) if files.get(IMAGE_OCCURRENCE.name) else 0,
        )


def _twice(table: Table) -> str:
    key = ", ".join(f'"{name}"' for name in table.key)
    return f'SELECT count(*) - count(DISTINCT ({key})) AS "count" FROM "{table.name}"'
