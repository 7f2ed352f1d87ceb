"""Find what of some persons is too old, wherever the lake or a snapshot has it, and how it is to go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from federim.home import Home
from federim.lake import revision, snapshot
from federim.lake.declaration import Kind, Table
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.entered import UNTOLD
from federim.lake.expiry import LastDays, persons_before
from federim.lake.person_rows import count, rows_of
from federim.lake.replacement import Buckets, Fate, Sparing
from federim.lake.rewriting import Change, files_on_disk
from federim.lake.schema import TABLES
from federim.lake.tables import Lake
from federim.model.identifiers import Pseudonym


@dataclass(frozen=True, kw_only=True)
class Expired:
    """What of some persons goes.

    Attributes
    ----------
    whole, part : tuple of person_id
        Of whom nothing is left, and of whom something is.
    tables : rows of the live tables that go, by table
    objects : int
        Stored objects that go.
    keyed : by person of `part`
        Keyed values that no row of theirs has any more.
    snapshots : ids of the snapshots that are revised
    """

    whole: tuple[Pseudonym, ...]
    part: tuple[Pseudonym, ...]
    tables: Mapping[str, int]
    objects: int
    keyed: Mapping[Pseudonym, frozenset[str]]
    snapshots: frozenset[str]


def candidates(home: Home, day: date) -> list[Pseudonym]:
    """Persons with a row whose latest date, as the lake has it, is before `day`."""
    found: set[str] = set()
    for table in _tables():
        found |= persons_before(table, files_on_disk(home, table), day)
    return sorted(map(Pseudonym, found))


def expired(
    home: Home, since: Mapping[Pseudonym, date], *, without: Collection[str] = frozenset()
) -> Expired:
    """What goes of persons where only what is not before a day stays.

    Parameters
    ----------
    since : by person
        The first day of theirs, as the lake has days, that stays.
    without : ids of snapshots
        Those that go as well, and so are not revised.
    """
    held = _rows(home, since)
    days = {person: LastDays.read(tables) for person, tables in held.items()}
    fates: dict[Pseudonym, Fate] = {}
    for person, tables in held.items():
        last = days[person].last
        if last is not None and last < since[person]:
            fates[person] = None
            continue
        fate = Sparing(partial(days[person].stay, since[person]))
        if any(fate.split(table, rows)[0].num_rows for table, rows in tables):
            fates[person] = fate
    goes = {person: _Split.of(held[person], fate) for person, fate in fates.items()}
    objects = {path for split in goes.values() for path in split.objects}
    part = tuple(person for person, fate in fates.items() if fate is not None)
    return Expired(
        whole=tuple(person for person, fate in fates.items() if fate is None),
        part=part,
        tables=_live_rows(home, fates),
        objects=len(objects),
        keyed={person: goes[person].keyed for person in part},
        snapshots=frozenset(
            frozen.id
            for frozen in snapshot.every(home)
            if frozen.id not in without
            and revision.concerns(home, frozen, {str(person): fate for person, fate in fates.items()})
        ),
    )


def changes(home: Home, whole: Collection[Pseudonym], part: Mapping[Pseudonym, date]) -> tuple[Change, ...]:
    """What `rewriting.rewrite` is given of persons found expired; the same until it has ended.

    Parameters
    ----------
    part : by person, the first day that stays
    """
    return (
        *(Change(person_id=person, into=None) for person in whole),
        *(_sparing(person, tables, part[person]) for person, tables in _rows(home, part).items()),
    )


def _sparing(person_id: Pseudonym, tables: Collection[tuple[Table, pa.Table]], since: date) -> Change:
    fate = Sparing(partial(LastDays.read(tables).stay, since))
    # Whoever stays must not have the same objects stored again, of which no row would speak.
    told = (Path(path).stem for path in _Split.of(tables, fate).objects)
    contents = {bytes.fromhex(sha256)[:16]: UNTOLD for sha256 in told}
    return Change(person_id=person_id, into=fate, contents=contents)


def held(home: Home, persons: Collection[Pseudonym]) -> frozenset[Pseudonym]:
    """Of these persons, those of whom any file of the lake has a row."""
    buckets = Buckets(home.secret("bucket"))
    files = [path for table in _tables() for path in buckets.files(files_on_disk(home, table), persons)]
    return frozenset(person for person in persons if count(files, [person]))


@dataclass(frozen=True, slots=True)
class _Split:
    """Of what goes of one person: the stored objects, and keyed values that nothing that stays has."""

    objects: frozenset[str]
    keyed: frozenset[str]

    @classmethod
    def of(cls, tables: Collection[tuple[Table, pa.Table]], fate: Fate) -> _Split:
        paths: tuple[set[str], set[str]] = set(), set()
        keyed: tuple[set[str], set[str]] = set(), set()
        for table, rows in tables:
            parts = fate.split(table, rows) if isinstance(fate, Sparing) else (rows, rows.slice(0, 0))
            for place, some in enumerate(parts):
                if table is INSTANCE_FILE:
                    paths[place].update(some["path"].to_pylist())
                for column in table.columns:
                    if column.kind is Kind.UID:
                        keyed[place].update(some[column.name].drop_null().to_pylist())
        return cls(frozenset(paths[0] - paths[1]), frozenset(keyed[0] - keyed[1]))


def _rows(home: Home, persons: Collection[Pseudonym]) -> dict[Pseudonym, list[tuple[Table, pa.Table]]]:
    """All the persons' rows in any file of the lake, by person."""
    buckets = Buckets(home.secret("bucket"))
    found: dict[Pseudonym, list[tuple[Table, pa.Table]]] = {person: [] for person in persons}
    for table in _tables():
        rows = rows_of(table, buckets.files(files_on_disk(home, table), persons), persons)
        for person in pc.unique(rows["person_id"]).to_pylist():
            found[person].append((table, rows.filter(pc.equal(rows["person_id"], person))))
    return found


def _live_rows(home: Home, fates: Mapping[Pseudonym, Fate]) -> dict[str, int]:
    buckets, lake = Buckets(home.secret("bucket")), Lake(home)
    counts: Counter[str] = Counter()
    for table in _tables():
        rows = rows_of(table, buckets.files(lake.files(table.name), fates), fates)
        for person, fate in fates.items():
            theirs = rows.filter(pc.equal(rows["person_id"], person))
            goes = fate.split(table, theirs)[0] if isinstance(fate, Sparing) else theirs
            counts[table.name] += goes.num_rows
    return {name: rows for name, rows in counts.items() if rows}


def _tables() -> Iterator[Table]:
    return (table for table in TABLES.values() if table.person)
