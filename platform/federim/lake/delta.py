"""Write one table's share of a batch to Delta Lake, once however often it is tried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake

from federim.lake.declaration import Kind, Table
from federim.lake.staging import GONE, Entry, Share
from federim.lake.storage import sync

APPLICATION = "federim"

FILE_BYTES = 64 * 2**20

IDENTIFYING = (Kind.PERSON, Kind.UID, Kind.DATE)

# DuckDB gives a thread one row group at a time; this is its own default. Level 1, because higher levels
# of zstd save a few per cent of text that dictionaries have made small already.
WRITER = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=122_880)


class DeltaWriter:
    """The writing end of one table, made from its declaration on first use."""

    def __init__(self, place: Path, table: Table) -> None:
        self._place = place
        self._table = table
        # Delta's log repeats each file's smallest and largest values; what tells of a person stays out.
        told = [column.name for column in table.columns if column.kind not in IDENTIFYING]
        self._delta = DeltaTable.create(
            place,
            table.arrow,
            mode="ignore",
            partition_by=["bucket"] if table.person else None,
            configuration={"delta.dataSkippingStatsColumns": ",".join(told)},
        )
        self._add_later_columns()

    @property
    def last_batch(self) -> int:
        """Number of the last batch the table has; 0 before the first."""
        return self._delta.transaction_version(APPLICATION) or 0

    def write(self, share: Share, number: int) -> None:
        """Append, merge or replace in one Delta commit that also says "batch `number` is in".

        The new files are on the disk, read-only, when this returns.
        """
        commit = CommitProperties(app_transactions=[Transaction(APPLICATION, number)])
        if share.entry is Entry.APPEND:
            write_deltalake(
                self._delta,
                _by_bucket(share.rows),
                mode="append",
                writer_properties=WRITER,
                commit_properties=commit,
            )
        else:
            self._merge(share.rows, commit, replace=share.entry is Entry.REPLACE)
        self._settle()

    def tidy(self, at_most: int) -> None:
        """Join small files if there are more than `at_most`; the rows stay the same.

        The old files stay on the disk: snapshots may pin them.
        """
        if len(self._delta.file_uris()) > at_most:
            self._delta.optimize.compact(target_size=FILE_BYTES, writer_properties=WRITER)
            self._settle()

    def _add_later_columns(self) -> None:
        """Tell a table that an earlier version made of the columns declared since; its files stay."""
        present = {field.name for field in self._delta.schema().fields}
        declared = Schema.from_arrow(self._table.arrow).fields
        missing = [field for field in declared if field.name not in present]
        if missing:
            self._delta.alter.add_columns(missing)
            self._settle()

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


def _filled(table: Table, name: str) -> str:
    """What a column becomes where its row is filled, in SQL: `t` is the row there, `s` the new one."""
    held, given = f't."{name}"', f's."{name}"'
    if name in table.adds:
        return f"{held} + {given}"
    if name in table.tops:
        return f"CASE WHEN {held} IS NULL OR {given} > {held} THEN {given} ELSE {held} END"
    return f"coalesce({held}, {given})"


def _by_bucket(rows: pa.Table) -> pa.RecordBatchReader:
    # One record batch a bucket: delta-rs keeps the order inside a batch, and files come out sorted.
    if "bucket" not in rows.column_names:
        return rows.to_reader()
    return pa.RecordBatchReader.from_batches(rows.schema, _slices(rows))


def _slices(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    counts = pc.run_end_encode(rows["bucket"].combine_chunks()).run_ends.to_pylist()
    start = 0
    for end in counts:
        yield from rows.slice(start, end - start).combine_chunks().to_batches()
        start = end
