"""Write the rows of many files anew as few, sorted over all of them; no row changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.lake.declaration import Table
from federim.lake.order import first_row, in_order, total_order
from federim.lake.person_rows import ROWS_A_GROUP, Copy, as_declared, write_rows

ROWS_A_FILE: Final = 8 * ROWS_A_GROUP
BYTES_A_FILE: Final = 512 * 2**20  # before compression: what is sorted in memory at once


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring values of the column that a table is sorted by first, both ends included."""

    first: Any
    last: Any

    def may_be_in(self, told: pq.Statistics | None) -> bool:
        """Whether a row group can have one of them, by its statistics."""
        if told is None or not told.has_min_max:
            return True
        return bool(told.min <= self.last.as_py() and self.first.as_py() <= told.max)

    def holds(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which of the values are among them."""
        return pc.and_(pc.greater_equal(column, self.first), pc.less_equal(column, self.last))


def compacted(table: Table, folder: Path, files: Sequence[Path]) -> Iterator[Copy]:
    """Write all rows of `files` to new files of `folder`, each sorted, one after the other.

    The same rows make the same bytes, and so the same names, whatever files they come from. Memory holds the
    rows of one new file, or of one value of the first column where those are more.
    """
    order = [(name, "ascending") for name in total_order(table)]
    for span in spans(table, files):
        written = write_rows(folder, read_rows(table, files, span).sort_by(order))
        if written is not None:
            yield written


def all_rows(table: Table, files: Sequence[Path]) -> pa.Table:
    """Every row of the files, in total order, as the table's declared columns."""
    return read_rows(table, files).sort_by([(name, "ascending") for name in total_order(table)])


def is_compact(table: Table, files: Sequence[Path]) -> bool:
    """Whether nothing is won by `compacted`: few files, full row groups, sorted over all of them."""
    if len(files) > max(1, len(spans(table, files))):
        return False
    if not all(map(_full_groups, files)):
        return False
    return in_order(table, sorted(files, key=lambda file: first_row(table, file)))


def by_folder(files: Iterable[Path]) -> dict[Path, list[Path]]:
    """Files by the folder they lie in, which is their bucket."""
    found: dict[Path, list[Path]] = {}
    for file in sorted(files):
        found.setdefault(file.parent, []).append(file)
    return found


def spans(table: Table, files: Sequence[Path]) -> list[Span]:
    """Which values of its first sort column go to one new file together."""
    values, counts = _counts(table.sort[0], files)
    if not len(values):
        return []
    starts = np.cumsum(counts) - counts
    parts = starts // _rows_a_file(files)
    firsts = np.flatnonzero(np.diff(parts, prepend=-1))
    lasts = [*(firsts[1:] - 1), len(values) - 1]
    return [Span(values[int(a)], values[int(b)]) for a, b in zip(firsts, lasts, strict=True)]


def _counts(column: str, files: Sequence[Path]) -> tuple[pa.Array, Any]:
    """The distinct values of a column, ascending, and how many rows have each."""
    parts = []
    for path in files:
        with pq.ParquetFile(path, read_dictionary=[column]) as file:
            for group in range(file.num_row_groups):
                values = file.read_row_group(group, columns=[column])[column]
                values = values.cast(pa.string()) if _is_text(values.type) else values
                counted = pc.value_counts(values)
                parts.append(pa.table({"value": counted.field(0), "rows": counted.field(1)}))
    if not parts:
        return pa.array([]), np.array([], np.int64)
    summed = pa.concat_tables(parts).group_by("value").aggregate([("rows", "sum")]).sort_by("value")
    return summed["value"].combine_chunks(), summed["rows_sum"].to_numpy()


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(pa.types.is_string(type_) or pa.types.is_string_view(type_))


def _rows_a_file(files: Sequence[Path]) -> int:
    rows = size = 0
    for path in files:
        metadata = pq.read_metadata(path)
        rows += metadata.num_rows
        size += sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    return max(1, min(ROWS_A_FILE, BYTES_A_FILE * rows // max(1, size)))


def read_rows(table: Table, files: Sequence[Path], span: Span | None = None) -> pa.Table:
    """The rows of a span, or all, as the table's declared columns; those that a file is without are null."""
    schema = pa.schema([column.arrow for column in table.columns])
    found = [schema.empty_table()]
    for path in files:
        with pq.ParquetFile(path) as file:
            first = file.schema_arrow.get_field_index(table.sort[0])
            for group in range(file.num_row_groups):
                told = file.metadata.row_group(group).column(first).statistics
                if span is None or span.may_be_in(told):
                    rows = as_declared(file.read_row_group(group), schema)
                    found.append(rows if span is None else rows.filter(span.holds(rows[table.sort[0]])))
    return pa.concat_tables(found)


def _full_groups(path: Path) -> bool:
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    return all(rows == ROWS_A_GROUP for rows in groups[:-1]) and all(rows <= ROWS_A_GROUP for rows in groups)
