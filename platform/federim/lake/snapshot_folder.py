"""A snapshot on disk: a folder that appears whole, is named by its content's hash, and is never edited."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from federim.home import Home
from federim.keys import canonical
from federim.lake.declaration import Table
from federim.lake.storage import disk_may_refuse, private_files, sync
from federim.model.errors import VerificationFailed

DOCUMENT: Final = "snapshot.json"


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A Parquet file, its path relative to the home's lake."""

    path: str
    sha256: str
    rows: int

    @property
    def table(self) -> str:
        return self.path.split("/", 1)[0]


@contextmanager
def unfinished(home: Home, name: str) -> Iterator[Path]:
    """A folder to write a snapshot in, gone at the end unless it was published.

    Raises
    ------
    StorageFull
        The disk refuses; nothing is kept.
    """
    part = None
    try:
        with disk_may_refuse(), private_files():
            # A name of its own: another process may be freezing the same cohort.
            part = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".part", dir=home.snapshots))
            yield part
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def drop_unfinished(home: Home) -> None:
    """Remove what killed processes were writing; none may be writing now."""
    for part in home.snapshots.glob(".*.part"):
        shutil.rmtree(part)


def write_members(part: Path, table: Table, rows: pa.Table) -> str:
    """Write who or what is in the cohort; returns the file's sha256."""
    path = part / f"{table.name}.parquet"
    schema = pa.schema([column.arrow for column in table.columns])
    pq.write_table(rows.cast(schema), path, compression="zstd", compression_level=1)
    return file_sha256(path)


def pin(home: Home, path: Path) -> PinnedFile:
    """A file of the lake as it is now."""
    return PinnedFile(
        path=path.relative_to(home.lake).as_posix(),
        sha256=file_sha256(path),
        rows=pq.read_metadata(path).num_rows,
    )


def publish(home: Home, part: Path, content: dict[str, Any], *, created_at: str = "") -> Path:
    """Give an unfinished snapshot its document and its name; the same one that is there already stays.

    Parameters
    ----------
    content
        What the hash covers: all but when it was made.
    created_at
        Now, where none is given.
    """
    sha256 = hashlib.sha256(canonical(content)).hexdigest()
    place = home.snapshots / f"{content['cohort']}-{sha256[:12]}"
    if not place.exists():
        created_at = created_at or datetime.now(UTC).isoformat(timespec="milliseconds")
        (part / DOCUMENT).write_bytes(canonical({**content, "sha256": sha256, "created_at": created_at}))
        for file in part.iterdir():
            file.chmod(0o400)
            sync(file)
        sync(part)
        try:
            part.rename(place)
        except OSError as error:
            # Who froze the same meanwhile published these very bytes.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        sync(home.snapshots)
    return place


def read(folder: Path) -> tuple[dict[str, Any], str, str]:
    """A snapshot's content, its sha256, and when it was made.

    Raises
    ------
    VerificationFailed
        The document, or one of the files of members, was changed since it was written.
    """
    content = json.loads((folder / DOCUMENT).read_bytes())
    sha256, created_at = content.pop("sha256"), content.pop("created_at")
    if hashlib.sha256(canonical(content)).hexdigest() != sha256:
        raise VerificationFailed(f"snapshot {folder.name}: {DOCUMENT} was changed since it was written")
    for table, written in content["members"].items():
        if file_sha256(folder / f"{table}.parquet") != written:
            raise VerificationFailed(
                f"snapshot {folder.name}: {table}.parquet was changed since it was written"
            )
    return content, sha256, created_at


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
