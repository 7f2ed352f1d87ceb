"""Take persons out of the lake for good, or put other rows in the place of theirs, whatever pins them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake import images, revision, snapshot, snapshot_folder, tombstone
from federim.lake.arrays import kept as decoded
from federim.lake.declaration import Table
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.images import StoredObject
from federim.lake.locks import nobody_copies
from federim.lake.person_rows import count, rows_of
from federim.lake.renames import Renames
from federim.lake.replacement import Buckets, Fate, Sparing
from federim.lake.rewriting_batch import batch
from federim.lake.schema import TABLES
from federim.lake.storage import disk_may_refuse, private_files, sync
from federim.lake.tables import Lake, LakeWriter
from federim.lake.tombstone import Tombstone
from federim.model.errors import LakeError
from federim.model.identifiers import Pseudonym


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of one person of the lake.

    Attributes
    ----------
    into : callable, Sparing, optional
        Gives the rows that stand in the place of the person's, row by row in the order given; or says which
        of them stay as they are while others go; or None: they go. It is given all that the person has in one
        table, as the table's declared columns (no `bucket`), and gives the same columns; for every table with
        persons and for a snapshot's `cohort_person` and `cohort_series`. It may be called more than once, and
        gives the same for the same. Of `instance_file` it leaves `sha256`, `path` and `size`, which `objects`
        tells; sizes of series follow.
    objects : old path to stored object
        What stands in the place of each of `objects_of` the person, stored already; none where rows go, or
        stay as they are.
    records : record key to record key
        Under which key the index has a record from now on, where its key was made of the person.
    contents : content to content
        What a record of the person says from now on, where that was made of the person.
    """

    person_id: Pseudonym
    into: Fate
    objects: Mapping[str, StoredObject] = field(default_factory=dict)
    records: Mapping[bytes, bytes] = field(default_factory=dict)
    contents: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """What changed; after a kill the run that completes the work tells the whole of it.

    Attributes
    ----------
    tables : rows by table
        Those of the live tables that went, or that others took the place of.
    files_rewritten : int
        Files, of live tables or pinned by snapshots, that held the persons.
    snapshots : old id to new id
    rows_left : int
        Rows of the persons in any file of a table, live or pinned, but for those that were to stay.
    """

    tables: Mapping[str, int]
    files_rewritten: int
    snapshots: Mapping[str, str]
    rows_left: int


def rewrite(
    home: Home,
    writer: LakeWriter,
    *changes: Change,
    keep: Callable[[Rewritten], object] = lambda _: None,
) -> Rewritten:
    """Change persons in live tables, in what snapshots pin, in snapshots and objects; several at once.

    Afterwards no file of the lake, the snapshots, the objects and the staging holds their pseudonyms or UIDs.
    Killed anywhere and run again it completes. Until then the lake is whole, each table before or after.
    Snapshots that pinned a file with one of them are revised: another one stands in their place, which
    `snapshot.load` finds by the old id. Whoever has a connection open to the lake must open it again.

    Parameters
    ----------
    changes
        None's person is one that another's `into` gives.
    keep
        Given what changed before the lake itself forgets it, so that a kill in between loses no count.

    Raises
    ------
    LakeError
        `objects` does not tell of all the person's objects, or another process reads the index.
    SchemaError
        See `replacement.replacements`. In both cases nothing changed.
    StorageFull
        The disk refuses; the same again completes the work.
    """
    with disk_may_refuse(), private_files(), nobody_copies(home):
        writer.recover()
        tombstone.finish(home)
        snapshot_folder.drop_unfinished(home)
        objects = objects_of_each(home, [change.person_id for change in changes])
        into = {str(change.person_id): _with_objects(change, objects) for change in changes}
        gone = {path for paths in objects.values() for path in paths}
        stay = {stored.path for change in changes for stored in change.objects.values()}
        stay |= _spared_objects(home, changes)
        told = {"files": len(_holding(home, into)), "snapshots": {}}
        renames = {str(change.person_id): Renames(change.records, change.contents) for change in changes}
        writer.take(batch(home, writer, into, renames, erased=gone - stay, told=told))
        _revise(home, writer, into)
        # Not before: until its snapshot was revised, training could have kept what it decoded of somebody.
        decoded.drop_stale(home)
        erased = _remove_unneeded(home, writer)
        writer.forget_history()
        rewritten = _result(home, writer, into)
        keep(rewritten)
        writer.index.settle(map(writer.subject, into), erased)
    return rewritten


def objects_of(home: Home, person_id: Pseudonym) -> frozenset[str]:
    """Paths of every stored object of a person that any file of the lake speaks of."""
    return objects_of_each(home, [person_id])[person_id]


def objects_of_each(home: Home, persons: Collection[Pseudonym]) -> dict[Pseudonym, frozenset[str]]:
    """As `objects_of`, for many persons in one pass."""
    rows = _instance_files(home, persons).select(["person_id", "path"])
    found: dict[Pseudonym, set[str]] = {person: set() for person in persons}
    for person, path in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        found[person].add(path)
    return {person: frozenset(paths) for person, paths in found.items()}


def _instance_files(home: Home, persons: Collection[Pseudonym]) -> pa.Table:
    """What any file of the lake says of where the persons' objects lie."""
    files = Buckets(home.secret("bucket")).files(files_on_disk(home, INSTANCE_FILE), persons)
    return rows_of(INSTANCE_FILE, files, persons)


def _spared_objects(home: Home, changes: Collection[Change]) -> set[str]:
    """Paths of the objects whose rows stay as they are."""
    sparing = {change.person_id: change.into for change in changes if isinstance(change.into, Sparing)}
    rows = _instance_files(home, sparing)
    found: set[str] = set()
    for person, fate in sparing.items():
        _, stay = fate.split(INSTANCE_FILE, rows.filter(pc.equal(rows["person_id"], person)))
        found.update(stay["path"].to_pylist())
    return found


def _with_objects(change: Change, held: Mapping[Pseudonym, frozenset[str]]) -> Fate:
    """What becomes of a person's rows, those that say where an object lies among them."""
    into, objects = change.into, change.objects
    if into is None or isinstance(into, Sparing):
        return into
    missing = len(held[change.person_id] - objects.keys())
    if missing:
        raise LakeError(f"{missing} stored objects of a person have nothing to stand in their place")

    def both(table: Table, rows: pa.Table) -> pa.Table:
        made = into(table, rows)
        if table is INSTANCE_FILE and made.num_rows == rows.num_rows:
            stored = [objects[path] for path in rows["path"].to_pylist()]
            for name in ("sha256", "path", "size"):
                place = made.schema.get_field_index(name)
                told = pa.array([getattr(one, name) for one in stored], made.schema.types[place])
                made = made.set_column(place, made.schema.field(place), told)
        return made

    return both


def _needed(home: Home, table: Table) -> set[Path]:
    """The files that a table consists of, and those of it that snapshots pin and are there.

    Raises
    ------
    LakeError
        A file that the table consists of is gone.
    """
    live = Lake(home).files(table.name)
    gone = sum(not path.is_file() for path in live)
    if gone:
        raise LakeError(f"{gone} files of table {table.name} are gone; restore the lake from a backup")
    pinned = (
        home.lake / pinned.path
        for frozen in snapshot.every(home)
        for pinned in frozen.files
        if pinned.table == table.name
    )
    return {*live, *(path for path in pinned if path.is_file())}


def _left_over(home: Home, table: Table, needed: set[Path]) -> list[Path]:
    """What lies in a table's buckets that nobody needs: its past, and what killed processes were writing."""
    return [path for path in (home.lake / table.name).glob("bucket=*/*") if path not in needed]


def files_on_disk(home: Home, table: Table) -> list[Path]:
    """Every file of a table there is, those that nobody needs too if they can be read."""
    needed = _needed(home, table)
    return [*needed, *filter(_readable, _left_over(home, table, needed))]


def _readable(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):  # a killed process was writing it
        return False
    return True


def _holding(home: Home, persons: Collection[str]) -> list[Path]:
    """The files, of live tables or pinned by snapshots, that hold rows of the persons."""
    buckets = Buckets(home.secret("bucket"))
    return [
        path
        for table in TABLES.values()
        if table.person
        for path in buckets.files(_needed(home, table), persons)
    ]


def _revise(home: Home, writer: LakeWriter, into: Mapping[str, Fate]) -> None:
    """Put revisions in the place of the snapshots that the persons are in."""
    for frozen in snapshot.every(home):
        revised = revision.revise(home, frozen, into, copies=writer.copies)
        if revised is None:
            continue
        for subject in map(writer.subject, into):
            told = writer.index.told(subject)
            told["snapshots"][frozen.id] = revised.id
            writer.index.tell(subject, told)
        tombstone.bury(
            home,
            Tombstone(snapshot=frozen.id, sha256=frozen.sha256, into=revised.id, into_sha256=revised.sha256),
        )


def _remove_unneeded(home: Home, writer: LakeWriter) -> list[str]:
    """Remove what lies in tables and nobody needs, and objects that went; returns the paths of these."""
    for table in TABLES.values():
        if table.person:
            unneeded = _left_over(home, table, _needed(home, table))
            for path in unneeded:
                path.unlink()
            for folder in {path.parent for path in unneeded}:
                sync(folder)
    erased = writer.index.erased
    for stored in erased:
        images.discard(home, stored)
    return erased


def _result(home: Home, writer: LakeWriter, into: Mapping[str, Fate]) -> Rewritten:
    tables: Counter[str] = Counter()
    snapshots: dict[str, str] = {}
    files = 0
    for told in map(writer.index.told, map(writer.subject, into)):
        tables.update(told["tables"])
        snapshots |= told["snapshots"]
        files = max(files, told["files"])
    left = sum(_left(home, table, into) for table in TABLES.values() if table.person)
    return Rewritten(tables=dict(tables), files_rewritten=files, snapshots=snapshots, rows_left=left)


def _left(home: Home, table: Table, into: Mapping[str, Fate]) -> int:
    """How many rows of a table's files, live or pinned, are not what was to become of them."""
    files = Buckets(home.secret("bucket")).files(_needed(home, table), into)
    left = count(files, into)
    sparing = {person: fate for person, fate in into.items() if isinstance(fate, Sparing)}
    rows = rows_of(table, files, sparing)
    for person, fate in sparing.items():
        left -= fate.split(table, rows.filter(pc.equal(rows["person_id"], person)))[1].num_rows
    return left
