"""The lake's tables: what they hold, and the one writer that adds to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from federim.home import Home, Role
from federim.keys import keyed
from federim.lake import delta_log
from federim.lake.check import Row
from federim.lake.declared.imaging import INSTANCE_FILE
from federim.lake.delta import DeltaWriter
from federim.lake.entered import Entered, Place, by_table, may_go
from federim.lake.index import Index
from federim.lake.index_place import settled
from federim.lake.locks import PATIENCE, only_writer
from federim.lake.opener import exists, opened
from federim.lake.person_rows import Copies
from federim.lake.prepare import Prepared, place_of, prepare, replacing
from federim.lake.schema import TABLES, table
from federim.lake.staging import Batch, drop, stage, waiting
from federim.lake.storage import disk_may_refuse, private_files
from federim.lake.stores import object_store
from federim.model.errors import LakeError, StorageFull

# A batch adds a file a bucket, and a query opens them all, at about a millisecond each. While batches
# follow each other, joining fewer than some ten of them would rewrite each row every few batches.
FILES_DURING_A_RUN = 32  # a bucket
FILES_BETWEEN_RUNS = 4


class Lake:
    """The Delta tables of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def files(self, name: str) -> list[Path]:
        """The Parquet files the table consists of now, absolute; none before its first row."""
        delta = opened(self.home, name)
        # delta-rs spells a path as it would a URL.
        return [] if delta is None else sorted(Path(unquote(uri)) for uri in delta.file_uris())

    def version(self, name: str) -> int:
        """How many commits made the table what it is; 0 before its first row."""
        delta = opened(self.home, name)
        return 0 if delta is None else delta.version()

    @contextmanager
    def writing(self, *, patience: float = PATIENCE) -> Iterator[LakeWriter]:
        """Be the home's only writer; first finish the batch a killed run left.

        Parameters
        ----------
        patience : float
            Seconds to wait for the end of another run that is writing.

        Raises
        ------
        LakeError
            Another run is writing still, nobody can, or the index is older than the tables.
        StorageFull
            The disk refuses; the lake stays readable and the next run completes the batch.
        """
        self.home.require(Role.SITE)
        with private_files(), only_writer(self.home, patience):
            with disk_may_refuse():
                writer = LakeWriter(self.home)
            try:
                with disk_may_refuse():
                    object_store(self.home).prepare()
                    writer.recover()
                    writer.check_index()
                yield writer
                writer.tidy(FILES_BETWEEN_RUNS)
                writer.note_versions()
            finally:
                writer.close()


class LakeWriter:
    """Adds and replaces batches of rows. Got from `Lake.writing`, which holds the lock."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._bucket_key = home.secret("bucket")
        self._subject_key = home.secret("subject")
        self.index = Index(settled(home))
        self.copies = Copies()
        self._tables: dict[str, DeltaWriter] = {}

    def close(self) -> None:
        self.index.close()

    def known(self, keys: Collection[bytes]) -> dict[bytes, Entered]:
        """Of these record keys, the ones that entered the lake, those withdrawn since among them."""
        return self.index.records(keys)

    def places(self, rows: Iterable[tuple[str, Row]]) -> tuple[Place, ...]:
        """Where the rows of one record will lie, as far as they go with it."""
        return tuple(
            place_of(table(name), row, self._bucket_key) for name, row in rows if may_go(table(name))
        )

    def subject(self, person_id: str) -> bytes:
        """What the index keeps of a person, 16 bytes."""
        return keyed(self._subject_key, person_id)[:16]

    def commit(self, rows: Mapping[str, Sequence[Row]], seen: Mapping[bytes, Entered]) -> dict[str, int]:
        """Add one batch over several tables: all of it or nothing, once, even if the process is killed.

        A record seen before takes the place of what it brought then: rows that are not among its `places`
        any more go, and others stay as they are unless they are given.

        Parameters
        ----------
        rows : by table
            At most some 10,000 a table, without `bucket`.
        seen : record key to record
            What `known` answers from now on.

        Returns
        -------
        by table
            Rows added; a row that fills another one, or repeats it, is not counted.

        Raises
        ------
        SchemaError
            A row is not what its table declares; nothing is written.
        StorageFull
            The disk refuses. Either nothing was kept, or the whole batch waits for the next run.
        """
        with disk_may_refuse():
            # After a `StorageFull` the same writer may be used again: what waits goes first.
            self.recover()
            batch, added = self._prepare(rows, seen)
            stage(self._home.staging, batch)
            self._complete(batch)
        return added

    def replace(
        self,
        rows: Mapping[str, Sequence[Row]],
        *,
        gone: Mapping[str, Sequence[Row]] | None = None,
        records: Mapping[bytes, Entered] | None = None,
        dropped: Collection[str],
    ) -> None:
        """Put whole rows in the place of those with their keys, and take others out.

        All of it happens or none, even if the process is killed.

        Parameters
        ----------
        rows, gone : by table
            As for `commit`; each of their keys is in the lake. Of rows that go, key and person are enough.
        records : record key to record
            What `known` answers of them from now on.
        dropped : paths of stored objects
            Those the rows replaced spoke of. They stay until `replaced.sweep` finds that nobody needs them.

        Raises
        ------
        SchemaError, LakeError
            A row is not what its table declares, or its key is not in the lake; nothing is written.
        StorageFull
            As `commit`.
        """
        with disk_may_refuse():
            self.recover()
            going = gone or {}
            prepared = {
                name: replacing(
                    table(name),
                    rows.get(name, ()),
                    bucket_key=self._bucket_key,
                    known=self.index.rows,
                    gone=going.get(name, ()),
                )
                for name in rows.keys() | going.keys()
            }
            batch = self._batch(prepared, records or {}, dropped)
            stage(self._home.staging, batch)
            self._complete(batch)

    def take(self, batch: Batch) -> None:
        """Have a batch that is ready enter whole or not at all; `StorageFull` as from `commit`."""
        with disk_may_refuse():
            stage(self._home.staging, batch)
            self._complete(batch)

    def forget_history(self) -> None:
        """Leave nothing of what is held no more in tables' logs, nor in the index: see `Index.clean`."""
        for name, declared in TABLES.items():
            if declared.person and exists(self._home, name):
                self._open(name).forget_history()
        self.index.clean()

    @property
    def next_batch(self) -> int:
        """Number the next batch will have, whatever became of a batch of that number before."""
        return self.index.last_batch + 1

    @property
    def dropped(self) -> list[str]:
        """Paths of stored objects that no row speaks of any more, whether or not they are still there."""
        return self.index.dropped

    def recover(self) -> None:
        """Complete the batch that waits in staging, if any."""
        batch = waiting(self._home.staging)
        if batch is not None:
            self._complete(batch)

    def check_index(self) -> None:
        """Raise `LakeError` if a table has a batch that the index has not: the next would be taken for it."""
        noted = self.index.versions
        for name in TABLES:
            # Opening a table is what takes long: one is as it was left unless its log has gone on.
            if delta_log.version(self._home.lake / name) != noted.get(name):
                ahead = self._open(name).last_batch - self.index.last_batch
                if ahead > 0:
                    raise LakeError(
                        f"the lake's index is {ahead} batches older than table {name}; "
                        "restore lake and index from one and the same backup"
                    )

    def note_versions(self) -> None:
        """Have the index know the tables as they are left."""
        self.index.note_versions({name: writer.version for name, writer in self._tables.items()})

    def tidy(self, at_most: int) -> None:
        """Join the small files of the buckets that have more than `at_most`."""
        # The rows are in already: a disk too full to join files is no failure of the run.
        with suppress(StorageFull), disk_may_refuse():
            for writer in self._tables.values():
                writer.tidy(at_most)

    def _prepare(
        self, rows: Mapping[str, Sequence[Row]], seen: Mapping[bytes, Entered]
    ) -> tuple[Batch, dict[str, int]]:
        revised = {key: record for key, record in seen.items() if record.version is not None}
        held = self.index.records(revised)
        before = {place for record in held.values() for place in record.places}
        after = {place for record in revised.values() for place in record.places}
        replaced, gone = by_table(before & after), by_table(before - after)
        prepared = {
            name: prepare(
                table(name),
                rows.get(name, ()),
                bucket_key=self._bucket_key,
                known=self.index.rows,
                replaced=replaced.get(name),
                gone=gone.get(name),
            )
            for name in rows.keys() | gone.keys()
            if rows.get(name) or name in gone
        }
        added = {name: made.added for name, made in prepared.items()}
        return self._batch(prepared, seen), added

    def _batch(
        self,
        prepared: Mapping[str, Prepared],
        records: Mapping[bytes, Entered],
        dropped: Collection[str] = (),
    ) -> Batch:
        return Batch(
            number=self.next_batch,
            shares={name: made.share for name, made in prepared.items() if made.share.rows.num_rows},
            records=records,
            rows=tuple(key for made in prepared.values() for key in made.new_keys),
            forgotten=tuple(key for made in prepared.values() for key in made.gone_keys),
            dropped=tuple(dropped),
        )

    def _complete(self, batch: Batch) -> None:
        # Beside each other, because half of either is waiting for the disk. Whichever a kill leaves undone,
        # the batch is still in staging.
        with ThreadPoolExecutor(1) as beside:
            indexed = beside.submit(self._remember, batch)
            for name, share in batch.shares.items():
                writer = self._open(name)
                if writer.last_batch < batch.number:
                    writer.write(share, batch.number)
            indexed.result()
        drop(self._home.staging, batch.number)
        # Last: whether a kill comes before or after, the batch is in.
        self.tidy(FILES_DURING_A_RUN)

    def _remember(self, batch: Batch) -> None:
        files = batch.shares.get(INSTANCE_FILE.name)
        kept = files.rows["path"].to_pylist() if files and batch.dropped else ()
        self.index.remember(
            batch.number,
            batch.records,
            batch.rows,
            forgotten=batch.forgotten,
            dropped=batch.dropped,
            kept=kept,
            erasure=batch.erasure,
        )

    def _open(self, name: str) -> DeltaWriter:
        if name not in self._tables:
            self._tables[name] = DeltaWriter(self._home.lake / name, TABLES[name], self.copies)
        return self._tables[name]
