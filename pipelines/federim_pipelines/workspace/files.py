"""A workspace's Parquet files: whole, read-only, one of each table for a group of persons."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from federim.home import Home
from federim.lake.declaration import Table
from federim.lake.snapshot_folder import PinnedFile, file_sha256
from federim.lake.storage import disk_may_refuse, private_files, sync

ROWS_A_GROUP: Final = 122_880  # DuckDB's own row group


def name_of(table: Table, group: int) -> str:
    """Where a table's file of a group of persons lies in the home."""
    return f"lake/{table.name}/{group:06d}.parquet"


def revised(path: str, revision: int) -> str:
    """What a file is called that stands for one of an earlier revision."""
    group = PurePosixPath(path).stem.split("-")[0]
    return str(PurePosixPath(path).with_name(f"{group}-{revision}.parquet"))


def write(home: Home, path: str, rows: pa.Table) -> PinnedFile:
    """Write rows where nothing is yet, or what a kill left.

    Raises
    ------
    StorageFull
        The disk refuses.
    """
    target = home.root / path
    with disk_may_refuse(), private_files():
        target.parent.mkdir(exist_ok=True)
        part = target.with_suffix(".part")
        pq.write_table(
            rows,
            part,
            compression="zstd",
            compression_level=1,
            row_group_size=ROWS_A_GROUP,
            store_schema=False,
        )
        seal(part)
        part.replace(target)
        sync(target.parent)
    return PinnedFile(path=path, sha256=file_sha256(target), rows=rows.num_rows)


def seal(path: Path) -> None:
    """Have a file on the disk and read-only."""
    path.chmod(0o400)
    sync(path)
