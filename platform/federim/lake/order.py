"""Whether files hold their rows in the order that their table declares, read a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.lake.declaration import Table


def total_order(table: Table) -> tuple[str, ...]:
    """The columns that leave no two rows of a table without an order: those it is sorted by, then its key."""
    return tuple(dict.fromkeys((*table.sort, *table.key)))


def in_order(table: Table, files: Sequence[Path]) -> bool:
    """Whether these files, one after the other, are sorted as the table declares; nulls come last."""
    before: pa.Table | None = None
    for rows in _sort_columns(table, files):
        joined = rows if before is None else pa.concat_tables([before, rows])
        if not _ascending(joined):
            return False
        before = joined.slice(max(joined.num_rows - 1, 0))
    return True


def first_row(table: Table, file: Path) -> tuple[Any, ...]:
    """What the first row of a file is sorted by; values that are not null before null."""
    for rows in _sort_columns(table, [file]):
        if rows.num_rows:
            return tuple((value is None, value) for value in rows.slice(0, 1).to_pylist()[0].values())
    return ()


def _sort_columns(table: Table, files: Sequence[Path]) -> Iterator[pa.Table]:
    declared = pa.schema([table.column(name).arrow for name in table.sort])
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=list(table.sort))
                # delta-rs writes some texts as views, which few functions compare.
                yield rows.select(declared.names).cast(declared)


def _ascending(rows: pa.Table) -> bool:
    pairs = rows.num_rows - 1
    if pairs < 1:
        return True
    holds: Any = pa.array([True] * pairs)
    for column in reversed([column.combine_chunks() for column in rows.columns]):
        left, right = column.slice(0, pairs), column.slice(1)
        known_left, null_right = pc.is_valid(left), pc.is_null(right)
        less = pc.or_(pc.fill_null(pc.less(left, right), False), pc.and_(known_left, null_right))
        same = pc.or_(pc.fill_null(pc.equal(left, right), False), pc.and_(pc.invert(known_left), null_right))
        holds = pc.or_(less, pc.and_(same, holds))
    return bool(pc.all(holds).as_py())
