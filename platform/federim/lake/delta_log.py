"""Write a Delta log's entries that name no value of a row, and leave no earlier entry of it.

delta-rs has no commit that takes some files out and puts others in; what comes nearest, a delete, writes its
predicate, and so the person, into the log.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from deltalake import DeltaTable

from federim.lake.person_rows import Copy
from federim.lake.storage import UNFINISHED, sync

LOG: Final = "_delta_log"
LAST_CHECKPOINT: Final = "_last_checkpoint"


def version(place: Path) -> int | None:
    """The last version of the table of this folder, by the names in its log; None where there is no table."""
    entries = (place / LOG).glob(f"{'[0-9]' * 20}.json")
    return max((int(entry.stem) for entry in entries), default=None)


def exchange(
    place: Path, version: int, *, out: Iterable[Path], into: Iterable[Copy], application: str, batch: int
) -> None:
    """Commit, as the table's next `version`, that files go and others come, and that it has the batch.

    Parameters
    ----------
    place : Path
        The table's folder, which nobody else writes to.
    out, into
        Files in its folders of buckets; those that come are on the disk.

    References
    ----------
    Delta transaction log protocol, Actions.
    """
    now = time.time_ns() // 1_000_000
    out = list(out)
    added = {copy.path: copy for copy in into}
    # Of one file a commit may not say both; where its copy has the same bytes, it stays.
    gone = [path for path in out if path not in added]
    actions: list[dict[str, Any]] = [
        {
            "commitInfo": {
                "timestamp": now,
                "operation": "REWRITE" if out else "WRITE",
                "operationParameters": {},
            }
        },
        {"txn": {"appId": application, "version": batch}},
        *(
            {
                "remove": {
                    **_file(place, path),
                    "deletionTimestamp": now,
                    "dataChange": True,
                    "extendedFileMetadata": True,
                }
            }
            for path in gone
        ),
        *(
            {
                "add": {
                    **_file(place, copy.path),
                    "modificationTime": now,
                    "dataChange": True,
                    "stats": json.dumps({"numRecords": copy.rows}, separators=(",", ":")),
                }
            }
            for copy in added.values()
        ),
    ]
    _publish(place / LOG / f"{version:020}.json", "".join(f"{json.dumps(action)}\n" for action in actions))


def forget_history(place: Path, delta: DeltaTable) -> None:
    """Leave a checkpoint of the table as it is, its last entry, and nothing from before.

    Deleted rows' values stay in the entries of before: the statistics of files that are gone.
    """
    log, version = place / LOG, delta.version()
    delta.create_checkpoint()
    last, checkpoint = log / f"{version:020}.json", log / f"{version:020}.checkpoint.parquet"
    for file in (checkpoint, log / LAST_CHECKPOINT, log):
        sync(file)
    for file in log.iterdir():
        if file not in (last, checkpoint, log / LAST_CHECKPOINT):
            file.unlink()
    sync(log)


def _file(place: Path, path: Path) -> dict[str, Any]:
    bucket = path.parent.name.partition("=")[2]
    return {
        "path": quote(path.relative_to(place).as_posix(), safe="/="),
        "partitionValues": {"bucket": bucket},
        "size": path.stat().st_size,
    }


def _publish(path: Path, content: str) -> None:
    """Make an entry appear whole, and never in the place of another."""
    part = path.with_suffix(UNFINISHED)
    part.write_text(content)
    sync(part)
    os.link(part, path)
    part.unlink()
    sync(path.parent)
