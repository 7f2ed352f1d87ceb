"""Turn checked rows into one table's share of a batch: repeats settled, bucketed, sorted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from federim.keys import keyed
from federim.lake.check import Row, to_arrow
from federim.lake.declaration import OnRepeat, Table
from federim.lake.schema import BUCKETS
from federim.lake.staging import Entry, Share
from federim.model.errors import LakeError

Known = Callable[[Collection[bytes]], set[bytes]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A share and the digests of the row keys that are new with it."""

    share: Share
    new_keys: tuple[bytes, ...]


def prepare(table: Table, rows: Sequence[Row], *, bucket_key: bytes, known: Known) -> Prepared:
    """Make `rows` ready to be written to `table`, of which `known` tells the row keys it holds.

    Raises
    ------
    SchemaError
        See `check.to_arrow`.
    """
    content = to_arrow(table, rows)
    fill = table.on_repeat is OnRepeat.FILL
    if fill:
        content = _combine(table, content)
    keys = _row_keys(table, content)
    held = known(keys)
    new = _first_of_each(keys, held)
    if not fill:
        content = content.take(pa.array(new, pa.int64()))
    share = Share(_placed(table, content, bucket_key), Entry.FILL if fill and held else Entry.APPEND)
    return Prepared(share, tuple(keys[position] for position in new))


def replacing(table: Table, rows: Sequence[Row], *, bucket_key: bytes, known: Known) -> Share:
    """Make whole `rows` ready to stand where those with the same keys stand in `table`.

    Raises
    ------
    SchemaError
        See `check.to_arrow`.
    LakeError
        The table has no row of one of the keys, or two rows given have the same.
    """
    content = to_arrow(table, rows)
    keys = _row_keys(table, content)
    if len(known(keys)) != len(keys):
        raise LakeError(f"{table.name}: {len(keys)} rows to replace, expected each to be in the lake, once")
    return Share(_placed(table, content, bucket_key), Entry.REPLACE)


def _placed(table: Table, content: pa.Table, bucket_key: bytes) -> pa.Table:
    """Rows with their bucket, in the order of the table's files."""
    if table.person:
        content = content.append_column(
            table.arrow.field("bucket"), _buckets(content["person_id"], bucket_key)
        )
    order = ["bucket", *table.sort] if table.person else table.sort
    return content.sort_by([(name, "ascending") for name in order])


def _combine(table: Table, content: pa.Table) -> pa.Table:
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


def _row_keys(table: Table, content: pa.Table) -> list[bytes]:
    name = table.name.encode()
    columns: list[list[Any]] = [content[column].to_pylist() for column in table.key]
    return [
        # Neither a UID nor a pseudonym nor a number holds a "|", so two keys never run together.
        hashlib.blake2b("|".join(map(str, values)).encode(), digest_size=16, person=name[:16]).digest()
        for values in zip(*columns, strict=True)
    ]


def _first_of_each(keys: Sequence[bytes], held: set[bytes]) -> list[int]:
    met = set(held)
    first = []
    for position, key in enumerate(keys):
        if key not in met:
            met.add(key)
            first.append(position)
    return first


def _buckets(persons: pa.ChunkedArray, key: bytes) -> pa.Array:
    encoded = persons.combine_chunks().dictionary_encode()
    number = pa.array(
        [keyed(key, person)[0] % BUCKETS for person in encoded.dictionary.to_pylist()], pa.int8()
    )
    return pc.take(number, encoded.indices)
