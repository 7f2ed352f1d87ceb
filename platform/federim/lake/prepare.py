"""Turn checked rows into one table's share of a batch: repeats settled, bucketed, sorted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from federim.keys import keyed
from federim.lake.check import Row, to_arrow
from federim.lake.declaration import OnRepeat, Table
from federim.lake.entered import Place
from federim.lake.schema import BUCKETS
from federim.lake.staging import GONE, Entry, Share
from federim.model.errors import LakeError

Known = Callable[[Collection[bytes]], set[bytes]]
Keys = Mapping[tuple[Any, ...], int]  # of rows: key to bucket


@dataclass(frozen=True, slots=True)
class Prepared:
    """A share, and the digests of the row keys that are new with it, or gone."""

    share: Share
    new_keys: tuple[bytes, ...] = ()
    gone_keys: tuple[bytes, ...] = ()
    added: int = 0  # rows that stand where none stood


def prepare(
    table: Table,
    rows: Sequence[Row],
    *,
    bucket_key: bytes,
    known: Known,
    replaced: Keys | None = None,
    gone: Keys | None = None,
) -> Prepared:
    """Make `rows` ready to be written to `table`, of which `known` tells the row keys it holds.

    Parameters
    ----------
    replaced, gone : key to bucket
        Rows of the table in whose place one of `rows` may stand, and those that go.

    Raises
    ------
    SchemaError
        See `check.to_arrow`.
    """
    content = to_arrow(table, rows)
    fill = table.on_repeat is OnRepeat.FILL
    if fill:
        content = combine(table, content)
    # A row that moves to another person's bucket is gone from one place and new in the other.
    yielding = {row_digest(table, key) for key in (*(replaced or ()), *(gone or ()))}
    keys = row_keys(table, content)
    held = known(keys) - yielding
    new = first_of_each(keys, held)
    if not fill:
        content = content.take(pa.array(new, pa.int64()))
    new_keys = tuple(keys[position] for position in new)
    content = placed(table, content, bucket_key)
    if replaced or gone:
        going = gone or {}
        return Prepared(
            Share(_with_gone(table, content, list(going.items())), Entry.REPLACE),
            new_keys,
            gone_keys=tuple(row_digest(table, key) for key in going),
            added=sum(key not in yielding for key in new_keys),
        )
    entry = Entry.FILL if fill and held else Entry.APPEND
    return Prepared(Share(content, entry), new_keys, added=len(new_keys))


def replacing(
    table: Table, rows: Sequence[Row], *, bucket_key: bytes, known: Known, gone: Sequence[Row] = ()
) -> Prepared:
    """Make whole `rows` ready to stand where those with the same keys stand in `table`, and others to go.

    Parameters
    ----------
    gone : rows
        Of each its key and person are enough.

    Raises
    ------
    SchemaError
        See `check.to_arrow`.
    LakeError
        The table has no row of one of the keys, or two rows given have the same.
    """
    content = to_arrow(table, rows)
    keys = row_keys(table, content)
    going = {place.key: place.bucket for place in (place_of(table, row, bucket_key) for row in gone)}
    gone_keys = [row_digest(table, key) for key in going]
    if len(known([*keys, *gone_keys])) != len(rows) + len(gone):
        raise LakeError(
            f"{table.name}: {len(rows) + len(gone)} rows to replace, expected each to be in the lake, once"
        )
    content = _with_gone(table, placed(table, content, bucket_key), list(going.items()))
    return Prepared(Share(content, Entry.REPLACE), gone_keys=tuple(gone_keys))


def place_of(table: Table, row: Row, bucket_key: bytes) -> Place:
    """Where a row of a table with persons lies."""
    return Place(table.name, bucket_of(row["person_id"], bucket_key), tuple(row[name] for name in table.key))


def bucket_of(person_id: str, bucket_key: bytes) -> int:
    """The bucket in which a person's rows lie, in every table."""
    return keyed(bucket_key, person_id)[0] % BUCKETS


def row_digest(table: Table, key: Sequence[Any]) -> bytes:
    """What the index keeps of a row's key, 16 bytes."""
    return _digests(table, [key])[0]


def placed(table: Table, content: pa.Table, bucket_key: bytes) -> pa.Table:
    """Rows with their bucket, in the order of the table's files."""
    if table.person:
        content = content.append_column(
            table.arrow.field("bucket"), _buckets(content["person_id"], bucket_key)
        )
    order = ["bucket", *table.sort] if table.person else table.sort
    return content.sort_by([(name, "ascending") for name in order])


def _with_gone(table: Table, content: pa.Table, gone: Sequence[tuple[tuple[Any, ...], int]]) -> pa.Table:
    """Placed rows, those to go after them, with a column that tells the two apart."""
    marked = content.append_column(GONE, pa.array([False] * content.num_rows, pa.bool_()))
    loose = pa.schema([field.with_nullable(True) for field in marked.schema])
    names = (*table.key, "bucket", GONE)
    going = [dict(zip(names, (*key, bucket, True), strict=True)) for key, bucket in gone]
    return pa.concat_tables([marked.cast(loose), pa.Table.from_pylist(going, schema=loose)])


def combine(table: Table, content: pa.Table) -> pa.Table:
    """One row a key: the first value that is not null, the sum where the table adds, the greatest it tops."""
    ways = {
        column.name: "sum" if column.name in table.adds else "max" if column.name in table.tops else "first"
        for column in table.columns
        if column.name not in table.key
    }
    # One thread, because "first" then means the order of the rows.
    combined = content.group_by(list(table.key), use_threads=False).aggregate(list(ways.items()))
    names = {f"{name}_{way}": name for name, way in ways.items()}
    return (
        combined.rename_columns([names.get(name, name) for name in combined.column_names])
        .select(content.column_names)
        .cast(content.schema)
    )


def row_keys(table: Table, content: pa.Table) -> list[bytes]:
    """The digests of rows' keys, in their order."""
    columns: list[list[Any]] = [content[column].to_pylist() for column in table.key]
    return _digests(table, zip(*columns, strict=True))


def _digests(table: Table, keys: Iterable[Sequence[Any]]) -> list[bytes]:
    # Copied rather than made a row: the parameters would be read again each time.
    fresh = hashlib.blake2b(digest_size=16, person=table.name.encode()[:16])
    found = []
    for key in keys:
        digest = fresh.copy()
        # Neither a UID nor a pseudonym nor a number holds a "|", so two keys never run together.
        digest.update("|".join(map(str, key)).encode())
        found.append(digest.digest())
    return found


def first_of_each(keys: Sequence[bytes], held: set[bytes]) -> list[int]:
    met = set(held)
    first = []
    for position, key in enumerate(keys):
        if key not in met:
            met.add(key)
            first.append(position)
    return first


def _buckets(persons: pa.ChunkedArray, key: bytes) -> pa.Array:
    encoded = persons.combine_chunks().dictionary_encode()
    number = pa.array([bucket_of(person, key) for person in encoded.dictionary.to_pylist()], pa.int8())
    return pc.take(number, encoded.indices)
