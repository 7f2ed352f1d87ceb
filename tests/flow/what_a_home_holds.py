"""Content hashes of a home's tables and objects: two runs that came to the same have the same."""

from __future__ import annotations

import hashlib
import json

import pyarrow.parquet as pq

from federim.home import Home
from federim.lake.schema import TABLES
from federim.lake.tables import Lake


def table_hashes(home: Home) -> dict[str, str]:
    """By table, the SHA-256 of its rows, sorted; the runs themselves and their ids apart."""
    found = {}
    for name in TABLES.keys() - {"run"}:
        rows = sorted(
            json.dumps({key: row[key] for key in row.keys() - {"run_id"}}, default=str, sort_keys=True)
            for file in Lake(home).files(name)
            for row in pq.read_table(file, partitioning=None).to_pylist()
        )
        digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        found[name] = f"{len(rows)} rows {digest}"
    return found


def object_hashes(home: Home) -> dict[str, str]:
    """By path, relative to the objects, the hash of every file there: unfinished ones too."""
    return {
        path.relative_to(home.objects).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.objects.rglob("*")
        if path.is_file()
    }


def listed_hashes(home: Home) -> dict[str, str]:
    """What `instance_file` says of the objects."""
    return {
        row["path"]: row["sha256"]
        for file in Lake(home).files("instance_file")
        for row in pq.read_table(file, partitioning=None).to_pylist()
    }
