"""Find, in the lake's Parquet files, the rows of a few persons, and copy files without them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.lake.declaration import Table
from federim.lake.storage import UNFINISHED, sync

ROWS_A_GROUP: Final = 122_880  # as delta-rs is told to

WRITERS: Final = 4  # threads that write files at a time

PERSON_ID: Final = "person_id"


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that stands for another one; its name is its content's sha256."""

    path: Path
    sha256: str
    rows: int


class Copies:
    """Copies of files without some persons' rows, each made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[Path, frozenset[str]], Copy | None] = {}

    def without(self, file: Path, persons: frozenset[str]) -> Copy | None:
        """A copy beside `file` that has all its other rows, in their order; None where it has no other."""
        made = (file, persons)
        if made not in self._made:
            self._made[made] = _write(file.parent, *_others(file, persons))
        return self._made[made]


def holders(files: Iterable[Path], persons: Collection[str]) -> list[Path]:
    """Of these files, the ones that have a row of one of the persons."""
    return [file for file in files if _groups(file, persons)]


def rows_of(table: Table, files: Iterable[Path], persons: Collection[str]) -> pa.Table:
    """Every row of the persons in these files, as the table's declared columns; in the order of the files."""
    declared = pa.schema([column.arrow for column in table.columns])
    found = [declared.empty_table()]
    for path in files:
        groups = _groups(path, persons)
        if groups:
            with pq.ParquetFile(path) as file:
                found.append(as_declared(file.read_row_groups(groups), declared))
    rows = pa.concat_tables(found)
    return rows.filter(_theirs(rows, persons))


def count(files: Iterable[Path], persons: Collection[str]) -> int:
    """How many rows of the persons these files have."""
    return sum(sum(_groups(file, persons).values()) for file in files)


def write_buckets(place: Path, rows: pa.Table) -> list[Copy]:
    """Write rows that are sorted by `bucket`, a file a bucket, in the folders of buckets of `place`."""
    with ThreadPoolExecutor(WRITERS) as pool:  # compressing and flushing do not hold each other up
        parts = ((place / f"bucket={bucket}", part) for bucket, part in _by_bucket(rows))
        written = pool.map(lambda part: write_rows(*part), parts)
        return [copy for copy in written if copy is not None]


def write_rows(folder: Path, rows: pa.Table) -> Copy | None:
    """Write rows, in their order, to a new file of `folder`, which is made; None where there is no row."""
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder, rows.schema, iter([rows]))


def _by_bucket(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Rows that are sorted by `bucket`, a bucket at a time, without that column."""
    start = 0
    for run in zip(*_runs(rows["bucket"].combine_chunks()), strict=True):
        bucket, end = run
        yield bucket, rows.slice(start, end - start).drop_columns("bucket")
        start = end


def _runs(column: pa.Array) -> tuple[list[int], list[int]]:
    encoded = pc.run_end_encode(column)
    return encoded.values.to_pylist(), encoded.run_ends.to_pylist()


def _groups(path: Path, persons: Collection[str]) -> dict[int, int]:
    """The row groups of a file that have rows of the persons, and how many."""
    found = {}
    # As a dictionary, because comparing a text a person is faster than one a row.
    with pq.ParquetFile(path, read_dictionary=[PERSON_ID]) as file:
        column = file.schema_arrow.get_field_index(PERSON_ID)
        for group in range(file.num_row_groups):
            told = file.metadata.row_group(group).column(column).statistics
            if (
                told is not None
                and told.has_min_max
                and not any(told.min <= one <= told.max for one in persons)
            ):
                continue
            rows = pc.sum(_theirs(file.read_row_group(group, columns=[PERSON_ID]), persons)).as_py()
            if rows:
                found[group] = rows
    return found


def _theirs(rows: pa.Table, persons: Collection[str]) -> pa.ChunkedArray:
    column = rows[PERSON_ID]
    return pc.is_in(column, pa.array(sorted(persons), pa.string()))


def _others(path: Path, persons: Collection[str]) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """The rows of a file that are not the persons', a row group at a time; with their schema."""
    schema = _plain(pq.read_schema(path))

    def groups() -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group).cast(schema)
                yield rows.filter(pc.invert(_theirs(rows, persons)))

    return schema, groups()


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with texts as they are declared: delta-rs gives some as views, which few functions take."""
    types = [pa.string() if pa.types.is_string_view(field.type) else field.type for field in schema]
    return pa.schema([field.with_type(type_) for field, type_ in zip(schema, types, strict=True)])


def as_declared(rows: pa.Table, declared: pa.Schema) -> pa.Table:
    """Rows of a file with all the declared columns, those it was written without being null."""
    present = set(rows.column_names)
    columns = [
        rows[field.name].cast(field.type) if field.name in present else pa.nulls(rows.num_rows, field.type)
        for field in declared
    ]
    return pa.table(columns, schema=declared)


def _write(folder: Path, schema: pa.Schema, parts: Iterator[pa.Table]) -> Copy | None:
    descriptor, name = tempfile.mkstemp(suffix=UNFINISHED, dir=folder)
    os.close(descriptor)
    part, rows = Path(name), 0
    try:
        with pq.ParquetWriter(part, schema, compression="zstd", compression_level=1) as writer:
            for table in parts:
                rows += table.num_rows
                writer.write_table(table, row_group_size=ROWS_A_GROUP)
        if not rows:
            return None
        part.chmod(0o400)
        sync(part)
        sha256 = _sha256(part)
        path = folder / f"{sha256}.parquet"
        part.rename(path)
        sync(folder)
    finally:
        part.unlink(missing_ok=True)
    return Copy(path, sha256, rows)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
