"""Rows of an OMOP table as text, whether it is CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Reason
from federim_pipelines.sources.content import opened
from federim_pipelines.sources.csv import spans as csv_spans
from federim_pipelines.sources.omop.tables import is_parquet

Cells = Mapping[str, str | None]  # by column, in lower case; what is blank is None
ROWS_AT_A_TIME = 10_000


def spans(item: Item) -> Iterator[Item]:
    """The pieces of one file: row groups of a Parquet file (`start` is the first), rows of a CSV file."""
    if not is_parquet(item):
        yield from csv_spans(item)
        return
    try:
        with _parquet(item) as file:
            groups = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    except Unusable:
        groups = []
    if item.member or len(groups) < 2:
        yield item
        return
    first = 1
    for group, rows in enumerate(groups):
        yield replace(item, start=group, end=group + 1, first_line=first)
        first += rows


def header(item: Item) -> tuple[str, ...]:
    """The names of the columns, in lower case.

    Raises
    ------
    Unusable
        There are none, or the file is not what its name says.
    """
    if is_parquet(item):
        with _parquet(item) as file:
            return tuple(name.lower() for name in file.schema_arrow.names)
    with opened(Item(source=item.source, path=item.path, member=item.member)) as content:
        line = content.readline().decode("utf-8-sig", "replace")
    names = tuple(cell.strip().strip('"').lower() for cell in line.split(_delimiter(line)))
    if not all(names):
        raise Unusable(Reason.UNREADABLE, "the first row is not a header")
    return names


def rows(item: Item) -> Iterator[tuple[int, Cells | Unusable]]:
    """Every row of a piece with its position in the file, from 1; one that cannot be read as its refusal.

    The header of a CSV file is its row 1.

    Raises
    ------
    Unusable
        As `header`.
    """
    return _parquet_rows(item) if is_parquet(item) else _csv_rows(item)


def _csv_rows(item: Item) -> Iterator[tuple[int, Cells | Unusable]]:
    names = header(item)
    with opened(Item(source=item.source, path=item.path, member=item.member)) as content:
        delimiter = _delimiter(content.readline().decode("utf-8", "replace"))
    with opened(item) as content:
        lines = (line.decode("utf-8", "surrogateescape") for line in content)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        position = item.first_line - 1
        while True:
            position += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield position, Unusable(Reason.UNREADABLE, "a quote is not closed where it should")
                continue
            if position == 1 or not cells:
                continue
            yield position, _named(names, cells)


def _named(names: tuple[str, ...], cells: list[str]) -> Cells | Unusable:
    if len(cells) != len(names):
        return Unusable(Reason.UNREADABLE, f"{len(cells)} cells where the header has {len(names)}")
    if any("\udc80" <= letter <= "\udcff" for text in cells if not text.isascii() for letter in text):
        return Unusable(Reason.UNREADABLE, "bytes that are not UTF-8")
    return {name: text.strip() or None for name, text in zip(names, cells, strict=True)}


def _parquet_rows(item: Item) -> Iterator[tuple[int, Cells | Unusable]]:
    with _parquet(item) as file:
        names = [name.lower() for name in file.schema_arrow.names]
        groups = None if item.end is None else list(range(item.start, item.end))
        position = item.first_line
        for batch in file.iter_batches(ROWS_AT_A_TIME, row_groups=groups):
            for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield position, {name: _text(value) for name, value in zip(names, values, strict=True)}
                position += 1


@contextmanager
def _parquet(item: Item) -> Iterator[pq.ParquetFile]:
    with opened(Item(source=item.source, path=item.path, member=item.member)) as content:
        seekable: BinaryIO = io.BytesIO(content.read()) if item.member else content
        try:
            yield pq.ParquetFile(seekable)
        except pa.ArrowException:
            raise Unusable(Reason.UNREADABLE, "not a Parquet file, or a damaged one") from None


def _text(value: Any) -> str | None:
    """A value as CSV would have it; dates and times are ISO 8601."""
    if value is None or value != value:  # NaN, which pandas writes for a number that is missing
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # so are whole numbers, where one of them is missing
    return str(value).strip() or None


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line else ","
