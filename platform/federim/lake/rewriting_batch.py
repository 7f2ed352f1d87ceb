"""Make the one batch by which persons change in all live tables and in the index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import repeat
from typing import Any

import pyarrow as pa

from federim.home import Home
from federim.lake.declaration import Table
from federim.lake.entered import Entered, Place
from federim.lake.opener import exists
from federim.lake.prepare import bucket_of, placed, row_digest, row_keys
from federim.lake.renames import Renames, stands
from federim.lake.replacement import Buckets, Fate, Replacement, replacements
from federim.lake.schema import TABLES
from federim.lake.staging import Batch, Entry, Erasure, Share
from federim.lake.tables import Lake, LakeWriter

Moves = dict[Place, tuple[str, Place | None]]


def batch(
    home: Home,
    writer: LakeWriter,
    into: Mapping[str, Fate],
    renames: Mapping[str, Renames],
    *,
    erased: Collection[str],
    told: Mapping[str, Any],
) -> Batch:
    """The batch that puts other rows in the place of the persons', or none.

    Parameters
    ----------
    into : by person
        See `replacement.replacements`.
    renames : by person
    erased : paths of stored objects
        Those that go for good.
    told
        What the rewriting has to tell of each person beside their rows by table.
    """
    bucket_key = home.secret("bucket")
    # Tables without a row of theirs take part: once their logs have an entry more, those before can go.
    tables = [table for name, table in TABLES.items() if table.person and exists(home, name)]
    lake = Lake(home)
    changes = replacements(
        tables, {table.name: lake.files(table.name) for table in tables}, into, Buckets(bucket_key)
    )
    moves = _moves(tables, changes, bucket_key)
    before = {row_digest(TABLES[at.table], at.key) for at, (_, now) in moves.items() if now != at}
    after = {key for table in tables for key in row_keys(table, changes[table.name].rows)}
    heirs = _heirs(changes.values())
    held = _records(writer, into, moves, renames)
    return Batch(
        number=writer.next_batch,
        shares={
            table.name: Share(
                placed(table, changes[table.name].rows, bucket_key),
                Entry.REWRITE,
                {person: bucket_of(person, bucket_key) for person in sorted(changes[table.name].leaving)},
            )
            for table in tables
        },
        records=_renamed(
            writer,
            held,
            {
                key: renames[person].of(key, _moved(record, moves, writer.subject(heirs[person])))
                for key, (person, record) in held.items()
                if person in heirs
            }.values(),
        ),
        rows=tuple(sorted(after)),
        forgotten=tuple(sorted(before - after)),
        erasure=Erasure(
            records=tuple(sorted(held)),
            objects=tuple(sorted(erased)),
            counts={writer.subject(person): {**told, "tables": _counts(person, changes)} for person in into},
        ),
    )


def _moves(tables: Iterable[Table], changes: Mapping[str, Replacement], bucket_key: bytes) -> Moves:
    """Where each of the persons' rows was, whose it is, and where what stands in its place will be."""
    moves: Moves = {}
    for table in tables:
        change = changes[table.name]
        for person, rows in change.before.items():
            places = _places(table, rows, bucket_key)
            after = change.after.get(person)
            new = repeat(None) if after is None else _places(table, after, bucket_key)
            moves.update({place: (person, heir) for place, heir in zip(places, new, strict=False)})
        for person, rows in change.spared.items():
            moves.update({place: (person, place) for place in _places(table, rows, bucket_key)})
    return moves


def _places(table: Table, rows: pa.Table, bucket_key: bytes) -> Iterator[Place]:
    told = rows.select(["person_id", *table.key])
    for person, *key in zip(*(column.to_pylist() for column in told.columns), strict=True):
        yield Place(table.name, bucket_of(person, bucket_key), tuple(key))


def _heirs(changes: Iterable[Replacement]) -> dict[str, str]:
    """Who the persons are from now on, those that have rows still."""
    heirs = {}
    for change in changes:
        heirs.update({person: after["person_id"][0].as_py() for person, after in change.after.items()})
        heirs.update({person: person for person, rows in change.spared.items() if rows.num_rows})
    return heirs


def _records(
    writer: LakeWriter, persons: Iterable[str], moves: Moves, renames: Mapping[str, Renames]
) -> dict[bytes, tuple[str, Entered]]:
    """The records that tell of the persons, by key; with the person."""
    subjects = {writer.subject(person): person for person in persons}
    found = {
        key: (subjects[record.subject], record)
        for key, record in writer.index.records_of(subjects).items()
        if record.subject is not None
    }
    for key, record in writer.index.records_of_nobody():
        owners = [moves[place][0] for place in record.places if place in moves]
        if owners:
            found[key] = (owners[0], record)
    for person, renamed in renames.items():  # those that are withdrawn tell of nobody
        for key, record in writer.index.records(renamed.keys.keys() - found.keys()).items():
            found[key] = (person, record)
    return found


def _renamed(
    writer: LakeWriter, gone: Collection[bytes], records: Iterable[tuple[bytes, Entered]]
) -> dict[bytes, Entered]:
    """The records under their new keys, but for those that one which is there already stands over."""
    made: dict[bytes, Entered] = {}
    told = list(records)
    there = writer.index.records({key for key, _ in told} - set(gone))
    for key, record in told:
        if stands(record, made.get(key, there.get(key))):
            made[key] = record
    return made


def _moved(record: Entered, moves: Moves, subject: bytes) -> Entered:
    if record.subject is None and not record.places:
        return record
    places = (moves[place][1] for place in record.places if place in moves)
    return replace(record, places=tuple(place for place in places if place is not None), subject=subject)


def _counts(person: str, changes: Mapping[str, Replacement]) -> dict[str, int]:
    counts = {name: change.before[person].num_rows for name, change in changes.items()}
    return {name: count for name, count in counts.items() if count}
