"""Say which rows of persons are too old: each by its own last day, or by that of what it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.lake.declaration import Kind, Table
from federim.lake.declared.clinical import REPORT, VISIT_OCCURRENCE
from federim.lake.declared.imaging import IMAGE_OCCURRENCE, STUDY
from federim.lake.person_rows import PERSON_ID

BELONGS: Final = {
    "SeriesInstanceUID": "SeriesInstanceUID",
    "source_SeriesInstanceUID": "SeriesInstanceUID",
    "StudyInstanceUID": "StudyInstanceUID",
    "report_id": "report_id",
    "visit_occurrence_id": "visit_occurrence_id",
}
"""What a row without a date of its own belongs to, the nearest first: column, and whose key it repeats."""

OWNERS: Final = (STUDY, IMAGE_OCCURRENCE, REPORT, VISIT_OCCURRENCE)

Owner = tuple[str, str]  # the column that is its key, and its value there


@dataclass(frozen=True, slots=True)
class LastDays:
    """The last days that files tell of one person; moved, as they are there.

    Attributes
    ----------
    last : date, optional
        Of all that has a date.
    owners : by what other rows belong to
        A study lasts as long as its latest series, and a series without a date as long as its study.
    """

    last: date | None = None
    owners: Mapping[Owner, date] = field(default_factory=dict)

    @classmethod
    def read(cls, tables: Iterable[tuple[Table, pa.Table]]) -> Self:
        """From all the person's rows of the tables."""
        last: date | None = None
        owners: dict[Owner, date] = {}
        series: list[tuple[str, str]] = []
        for table, rows in tables:
            days = own_days(table, rows)
            last = max([day for day in (last, *days) if day is not None], default=None)
            if table in OWNERS:
                [key] = table.key
                _lengthen(owners, key, rows[key].to_pylist(), days)
            if table is IMAGE_OCCURRENCE:
                studies = rows["StudyInstanceUID"].to_pylist()
                _lengthen(owners, "StudyInstanceUID", studies, days)
                series += zip(rows["SeriesInstanceUID"].to_pylist(), studies, strict=True)
        for uid, study in series:
            if ("StudyInstanceUID", study) in owners:
                owners.setdefault(("SeriesInstanceUID", uid), owners["StudyInstanceUID", study])
        return cls(last, owners)

    def of(self, table: Table, rows: pa.Table) -> list[date | None]:
        """The last day of each of the person's rows of a table; None where nothing of them has a date."""
        own = [None] * rows.num_rows if table is STUDY else own_days(table, rows)
        names = {column.name for column in table.columns}
        keys = [
            [(key, value) for value in rows[column].to_pylist()]
            for column, key in BELONGS.items()
            if column in names
        ]
        return [
            day
            or next((self.owners[each[row]] for each in keys if each[row] in self.owners), None)
            or self.last
            for row, day in enumerate(own)
        ]

    def stay(self, since: date, table: Table, rows: pa.Table) -> pa.BooleanArray:
        """Of the person's rows of a table, those whose last day is not before `since`, or that have none."""
        return pa.array([day is None or day >= since for day in self.of(table, rows)], pa.bool_())


def own_days(table: Table, rows: pa.Table) -> list[date | None]:
    """The latest of each row's own dates."""
    dates = [column.name for column in table.columns if column.kind is Kind.DATE]
    days: list[date | None] = _latest(rows, dates).to_pylist()
    return days


def persons_before(table: Table, files: Collection[Path], day: date) -> set[str]:
    """Who has a row in these files of a table whose latest own date is before `day`."""
    dates = [column.name for column in table.columns if column.kind is Kind.DATE]
    found: set[str] = set()
    for path in files if dates else ():
        with pq.ParquetFile(path, read_dictionary=[PERSON_ID]) as file:
            present = [name for name in dates if name in file.schema_arrow.names]
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=[PERSON_ID, *present])
                old = pc.less(_latest(rows, present), pa.scalar(day))
                found.update(pc.unique(rows[PERSON_ID].filter(old).cast(pa.string())).to_pylist())
    return found


def _latest(rows: pa.Table, dates: Collection[str]) -> pa.ChunkedArray:
    days = [rows[name].cast(pa.timestamp("us")).cast(pa.date32(), safe=False) for name in dates]
    return pc.max_element_wise(pa.nulls(rows.num_rows, pa.date32()), *days)


def _lengthen(
    owners: dict[Owner, date], key: str, values: Iterable[str], days: Iterable[date | None]
) -> None:
    for value, day in zip(values, days, strict=True):
        if day is not None:
            owners[key, value] = max(day, owners.get((key, value), day))
