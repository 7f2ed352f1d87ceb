"""Write one table's share of a batch to Delta Lake, once however often it is tried."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake

from federim.lake import delta_log, evolution
from federim.lake.compaction import all_rows, by_folder, compacted, is_compact
from federim.lake.declaration import Table
from federim.lake.evolution import Step, filled, filled_file
from federim.lake.person_rows import Copies, Copy, holders, write_buckets
from federim.lake.staging import GONE, Entry, Share
from federim.lake.storage import sync
from federim.lake.tiers import worth_joining

APPLICATION = "federim"

COMMITS_A_CHECKPOINT = 100  # as delta-rs does for its own

FILE_BYTES = 64 * 2**20

# DuckDB gives a thread one row group at a time; this is its own default. Level 1, because higher levels
# of zstd save a few per cent of text that dictionaries have made small already.
WRITER = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=122_880)


class DeltaWriter:
    """The writing end of one table, made from its declaration on first use."""

    def __init__(self, place: Path, table: Table, copies: Copies) -> None:
        self._place = place
        self._table = table
        self._copies = copies
        told = {**_told(table), evolution.PROPERTY: str(evolution.version(table))}
        self._delta = DeltaTable.create(
            place,
            table.arrow,
            mode="ignore",
            partition_by=["bucket"] if table.person else None,
            configuration=told,
            raise_if_key_not_exists=False,
        )
        held = self._delta.metadata().configuration
        for step in evolution.due(table, int(held.get(evolution.PROPERTY, evolution.FIRST))):
            self._take(step)
        if not told.items() <= held.items():
            # Last: a step cut short is taken again, which changes nothing more.
            self._delta.alter.set_table_properties(told, raise_if_not_exists=False)
            self._settle()

    @property
    def version(self) -> int:
        """How many commits made the table what it is."""
        return self._delta.version()

    @property
    def last_batch(self) -> int:
        """Number of the last batch the table has; 0 before the first."""
        return self._delta.transaction_version(APPLICATION) or 0

    def write(self, share: Share, number: int) -> None:
        """Append, merge or replace in one Delta commit that also says "batch `number` is in".

        The new files are on the disk, read-only, when this returns.
        """
        commit = CommitProperties(app_transactions=[Transaction(APPLICATION, number)])
        if share.entry is Entry.APPEND and self._table.person:
            self._exchange((), write_buckets(self._place, share.rows), number)
        elif share.entry is Entry.APPEND:
            write_deltalake(
                self._delta,
                share.rows,
                mode="append",
                writer_properties=WRITER,
                commit_properties=commit,
            )
            self._settle()
        elif share.entry is Entry.REWRITE:
            self._rewrite(share, number)
        else:
            self._merge(share.rows, commit, replace=share.entry is Entry.REPLACE)
            self._settle()

    def tidy(self, at_most: int) -> None:
        """Join small files of like size, in the declared order, where a bucket has more than `at_most`.

        The rows stay the same. The old files stay on the disk: snapshots may pin them.
        """
        if not self._table.person:
            if len(self._delta.file_uris()) > at_most:
                self._delta.optimize.compact(target_size=FILE_BYTES, writer_properties=WRITER)
                self._settle()
            return
        gone: list[Path] = []
        made: list[Copy] = []
        for folder, files in by_folder(self._files()).items():
            sizes = {file: file.stat().st_size for file in files} if len(files) > at_most else {}
            small = worth_joining({file: size for file, size in sizes.items() if size < FILE_BYTES})
            if len(small) > at_most:
                gone += small
                made += compacted(self._table, folder, small)
        if gone:
            self._exchange(gone, made, self.last_batch)

    def optimize(self) -> None:
        """Bring all rows into as few files as their declared order and row groups allow; they stay the same.

        Killed anywhere, each bucket is as before or after. The old files stay on the disk, as for `tidy`.
        """
        for folder, files in by_folder(self._files()).items():
            if is_compact(self._table, files):
                continue
            if self._table.person:
                self._exchange(files, list(compacted(self._table, folder, files)), self.last_batch)
            else:
                self._overwrite(all_rows(self._table, files))

    def _files(self) -> list[Path]:
        return [Path(unquote(uri)) for uri in self._delta.file_uris()]

    def _overwrite(self, rows: pa.Table) -> None:
        """Write a table without persons anew, from one batch, whose order delta-rs keeps."""
        write_deltalake(self._delta, rows.combine_chunks(), mode="overwrite", writer_properties=WRITER)
        self._settle()

    def forget_history(self) -> None:
        """Leave nothing in the log of what the table does not hold any more."""
        delta_log.forget_history(self._place, self._delta)

    def _rewrite(self, share: Share, number: int) -> None:
        persons = frozenset(share.leaving)
        folders = {f"bucket={bucket}" for bucket in share.leaving.values()}
        files = holders((file for file in self._files() if file.parent.name in folders), persons)
        copies = [self._copies.without(file, persons) for file in files]
        made = [copy for copy in copies if copy is not None]
        self._exchange(files, [*made, *write_buckets(self._place, share.rows)], number)

    def _exchange(self, out: Sequence[Path], into: Sequence[Copy], number: int) -> None:
        version = self._delta.version() + 1
        delta_log.exchange(self._place, version, out=out, into=into, application=APPLICATION, batch=number)
        self._delta.update_incremental()
        if version % COMMITS_A_CHECKPOINT == 0:
            self._delta.create_checkpoint()

    def _take(self, step: Step) -> None:
        """Bring the table to a step's version; files that a snapshot may pin stay as they are."""
        present = {field.name for field in self._delta.schema().fields}
        declared = Schema.from_arrow(self._table.arrow).fields
        missing = [field for field in declared if field.name in step.added and field.name not in present]
        if missing:
            self._delta.alter.add_columns(missing)
            self._settle()
        if not step.filled:
            return
        files = self._files()
        if self._table.person:
            made = [filled_file(self._table, file, step.filled) for file in files]
            self._exchange(files, [copy for copy in made if copy is not None], self.last_batch)
        else:
            self._overwrite(filled(self._table, all_rows(self._table, files), step.filled))

    def _merge(self, rows: pa.Table, commit: CommitProperties, *, replace: bool) -> None:
        table = self._table
        same_key = [f't."{name}" = s."{name}"' for name in table.key]
        if table.person:
            # Written out, because delta-rs then opens the files of these buckets alone.
            buckets = ", ".join(str(bucket) for bucket in pc.unique(rows["bucket"]).to_pylist())
            same_key = [f"t.bucket IN ({buckets})", "t.bucket = s.bucket", *same_key]
        updates = {
            f'"{column.name}"': f's."{column.name}"' if replace else _filled(table, column.name)
            for column in table.columns
            if column.name not in table.key
        }
        merge = self._delta.merge(
            rows,
            " AND ".join(same_key),
            source_alias="s",
            target_alias="t",
            writer_properties=WRITER,
            commit_properties=commit,
        )
        if replace:
            new = {f'"{name}"': f's."{name}"' for name in table.arrow.names}
            merge = (
                merge.when_matched_delete(f"s.{GONE}")
                .when_matched_update(updates)
                .when_not_matched_insert(new, f"NOT s.{GONE}")
            )
        else:
            merge = merge.when_matched_update(updates).when_not_matched_insert_all()
        merge.execute()

    def _settle(self) -> None:
        """Flush the last commit: delta-rs leaves its files to the operating system's own time."""
        log = self._place / "_delta_log" / f"{self._delta.version():020}.json"
        folders = {log.parent}
        for line in log.read_text().splitlines():
            added = json.loads(line).get("add")
            if added is not None:
                file = self._place / unquote(added["path"])
                sync(file)
                file.chmod(0o400)
                folders.add(file.parent)
        sync(log)
        for folder in folders:
            sync(folder)


def _told(table: Table) -> dict[str, str]:
    """How Delta is told which columns' smallest and largest values it repeats in its log, file by file.

    Of a table of persons none: a file may hold a single one's rows.
    """
    # The column that tables are cut by, which has no such values: naming none would mean the first 32.
    columns = ["bucket"] if table.person else [column.name for column in table.columns]
    return {"delta.dataSkippingStatsColumns": ",".join(columns)}


def _filled(table: Table, name: str) -> str:
    """What a column becomes where its row is filled, in SQL: `t` is the row there, `s` the new one."""
    held, given = f't."{name}"', f's."{name}"'
    if name in table.adds:
        return f"{held} + {given}"
    if name in table.tops:
        return f"CASE WHEN {held} IS NULL OR {given} > {held} THEN {given} ELSE {held} END"
    return f"coalesce({held}, {given})"
