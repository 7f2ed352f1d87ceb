"""Hold one table's files against its declaration: columns, rows, buckets, order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.lake.declaration import Table
from federim.lake.maintenance.problems import Problem, counted
from federim.lake.maintenance.view import TableView
from federim.lake.order import in_order
from federim.lake.person_rows import PERSON_ID
from federim.lake.prepare import bucket_of

_ANOTHER_VERSION: Final = "use the version of Federim that wrote the lake, or a later one"


@dataclass(frozen=True, slots=True)
class Examined:
    """A table's rows, files, bytes on disk, files whose rows are not in order, and what is wrong."""

    rows: int
    files: int
    bytes: int
    unsorted_files: int
    problems: tuple[Problem, ...]


def examine(view: TableView, bucket_key: bytes) -> Examined:
    """Read what a table consists of: whole columns of persons and of its order, of others the footers."""
    table = view.table
    found: Counter[str] = Counter()
    rows = size = unsorted = 0
    sound = []
    for path, expected in view.files.items():
        if not path.is_file():
            found["missing"] += 1
            continue
        size += path.stat().st_size
        try:
            with pq.ParquetFile(path) as file:
                metadata, schema = file.metadata, _plain(file.schema_arrow)
            rows += metadata.num_rows
            found["rows"] += expected is not None and expected != metadata.num_rows
            if not _fits(table, schema):
                found["columns"] += 1
                continue
            found["nulls"] += _nulls(table, metadata)
            if table.person:
                found["bucket"] += _elsewhere(path, bucket_key)
            unsorted += not in_order(table, [path])
        except (pa.ArrowException, OSError):
            found["unreadable"] += 1
            continue
        sound.append(path)
    return Examined(
        rows=rows,
        files=len(view.files),
        bytes=size,
        unsorted_files=unsorted,
        problems=(*_of_schema(view), *_told(table.name, found)),
    )


def sound(view: TableView) -> list[Path]:
    """The files of a table that can be queried."""
    return [path for path in view.files if path.is_file() and _readable(view.table, path)]


def _readable(table: Table, path: Path) -> bool:
    try:
        return _fits(table, _plain(pq.read_schema(path)))
    except (pa.ArrowException, OSError):
        return False


def _of_schema(view: TableView) -> Iterator[Problem]:
    """Delta's own columns against those declared; later ones may be missing until the next run writes."""
    declared = {field.name: field.type for field in view.table.arrow}
    later = {column.name for column in view.table.columns if column.added_later}
    held = {field.name: field.type for field in _plain(pa.schema(view.delta.schema().to_arrow()))}
    for name in sorted(declared.keys() | held.keys()):
        if declared.get(name) != held.get(name) and not (name in later and name not in held):
            yield Problem(
                where=f"{view.table.name}.{name}",
                found=f"the table has {held.get(name, 'no such column')}",
                expected=f"{declared.get(name, 'no such column')}",
                do=_ANOTHER_VERSION,
            )


def _told(name: str, found: Counter[str]) -> Iterator[Problem]:
    yield from counted(name, found["missing"], "of its files are gone", "all that the table lists")
    yield from counted(name, found["unreadable"], "of its files cannot be read", "Parquet")
    yield from counted(name, found["rows"], "of its files have more or fewer rows", "as the table's log says")
    yield from counted(
        name, found["columns"], "of its files have other columns", "those declared", _ANOTHER_VERSION
    )
    yield from counted(name, found["nulls"], "required values are null", "none")
    yield from counted(
        name,
        found["bucket"],
        "persons have rows in another bucket's folder",
        "each in the bucket that the home's key gives",
        "use the home's own keys; if these are they, restore the lake from a backup",
    )


def _fits(table: Table, schema: pa.Schema) -> bool:
    declared = {column.name: column for column in table.columns}
    missing = declared.keys() - set(schema.names)
    return all(declared[name].added_later for name in missing) and all(
        field.name in declared and declared[field.name].type == field.type for field in schema
    )


def _nulls(table: Table, metadata: pq.FileMetaData) -> int:
    required = {column.name for column in table.columns if column.required}
    count = 0
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            column = metadata.row_group(group).column(position)
            if column.path_in_schema in required and column.statistics is not None:
                count += column.statistics.null_count or 0
    return count


def _elsewhere(path: Path, bucket_key: bytes) -> int:
    """How many persons of a file belong to another bucket."""
    bucket = path.parent.name.partition("=")[2]
    persons: set[str] = set()
    with pq.ParquetFile(path, read_dictionary=[PERSON_ID]) as file:
        for group in range(file.num_row_groups):
            values = file.read_row_group(group, columns=[PERSON_ID])[PERSON_ID]
            persons.update(pc.unique(values.cast(pa.string())).to_pylist())
    return sum(str(bucket_of(person, bucket_key)) != bucket for person in persons)


def _plain(schema: pa.Schema) -> pa.Schema:
    """The schema with texts as they are declared, which delta-rs spells in several ways."""
    views = (pa.string_view(), pa.large_string())
    types = [pa.string() if field.type in views else field.type for field in schema]
    return pa.schema([pa.field(field.name, type_) for field, type_ in zip(schema, types, strict=True)])
