"""Search everything a folder holds for given strings: bytes, names, and what formats and archives hide."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

WINDOW: Final = 8  # bytes: what is looked up at every position, so no shorter string can be searched


@dataclass(frozen=True, slots=True)
class Hit:
    """Where one of the strings is; which one by its number, so that a failed test does not print it."""

    path: str
    needle: int
    form: str  # plain, hex, base64, raw (what the string is the hexadecimal of)
    where: str = field(default="bytes")  # bytes, name, parquet, sqlite, archive


def find(root: Path, needles: Iterable[str], *, beside: Iterable[str] = ()) -> list[Hit]:
    """Every place under `root` where one of `needles` is, in plain, in hexadecimal or in base64.

    Parameters
    ----------
    needles : strings of 8 characters or more
    beside : paths relative to `root`
        Files and folders that are left out.
    """
    search, found = _Search(needles), set[Hit]()
    out = [root / path for path in beside]
    for path in sorted(root.rglob("*")):
        if any(path == left or left in path.parents for left in out):
            continue
        name = path.relative_to(root).as_posix()
        found.update(search.hits(name, path.name.encode(), "name"))
        if path.is_file() and not path.is_symlink():
            found.update(search.file(name, path))
    return sorted(found, key=lambda hit: (hit.path, hit.needle, hit.form, hit.where))


class _Search:
    def __init__(self, needles: Iterable[str]) -> None:
        self._forms: dict[bytes, list[tuple[bytes, int, str]]] = {}
        for number, needle in enumerate(needles):
            for form, spelt in _forms(needle):
                assert len(spelt) >= WINDOW, "too short a string to search for"
                self._forms.setdefault(spelt[:WINDOW], []).append((spelt, number, form))
        self._starts = np.array(
            sorted(int.from_bytes(start, "little") for start in self._forms), dtype=np.uint64
        )

    def hits(self, path: str, content: bytes, where: str) -> Iterator[Hit]:
        """Where in `content` a form begins: every 8 bytes of it are looked up among the forms' first 8."""
        seen = set()
        for offset in range(min(WINDOW, len(content) - WINDOW + 1)):
            words = (len(content) - offset) // WINDOW
            view = np.frombuffer(content, dtype="<u8", count=words, offset=offset)
            for place in np.flatnonzero(np.isin(view, self._starts)):
                start = offset + int(place) * WINDOW
                for spelt, number, form in self._forms[content[start : start + WINDOW]]:
                    if content.startswith(spelt, start) and (number, form) not in seen:
                        seen.add((number, form))
                        yield Hit(path, number, form, where)

    def file(self, name: str, path: Path) -> Iterator[Hit]:
        content = path.read_bytes()
        yield from self.hits(name, content, "bytes")
        if content.startswith(b"PAR1"):
            yield from self.hits(name, _parquet(content), "parquet")
        elif content.startswith(b"SQLite format 3"):
            # Pages are in `bytes` above, free ones too; a value longer than a page is whole only here.
            yield from self.hits(name, _sqlite(path), "sqlite")
        else:
            yield from self._archive(name, content)

    def _archive(self, name: str, content: bytes, depth: int = 0) -> Iterator[Hit]:
        if depth > 3:
            return
        for member, inner in _members(content):
            yield from self.hits(f"{name}!{member}", member.encode(), "name")
            yield from self.hits(f"{name}!{member}", inner, "archive")
            if inner.startswith(b"PAR1"):
                yield from self.hits(f"{name}!{member}", _parquet(inner), "parquet")
            yield from self._archive(f"{name}!{member}", inner, depth + 1)


def _forms(needle: str) -> Iterator[tuple[str, bytes]]:
    plain = needle.encode()
    yield "plain", plain
    yield "hex", plain.hex().encode()
    yield "hex", plain.hex().upper().encode()
    for shift in range(3):
        # Of an encoding that begins elsewhere in a group of three bytes, the characters that are ours alone.
        encoded = base64.b64encode(bytes(shift) + plain)
        ours = encoded[(0, 2, 3)[shift] : (shift + len(plain)) * 8 // 6]
        yield "base64", ours
        yield "base64", ours.replace(b"+", b"-").replace(b"/", b"_")
    try:
        raw = bytes.fromhex(needle)
    except ValueError:
        return
    if len(raw) >= WINDOW:
        yield "raw", raw


def _parquet(content: bytes) -> bytes:
    """All the values of a Parquet file, those of nested columns too, and its statistics."""
    try:
        file = pq.ParquetFile(io.BytesIO(content))
    except pa.ArrowException:  # cut short: its bytes were searched all the same
        return b""
    told = io.BytesIO()
    told.write(str(file.metadata.metadata).encode())
    for group in range(file.metadata.num_row_groups):
        for column in range(file.metadata.num_columns):
            statistics = file.metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                told.write(f"{statistics.min}\n{statistics.max}\n".encode())
    for column in file.read().columns:
        values = column if pa.types.is_nested(column.type) else column.unique()
        for value in values.to_pylist():
            told.write(value if isinstance(value, bytes) else str(value).encode())
            told.write(b"\n")
    return told.getvalue()


def _sqlite(path: Path) -> bytes:
    """All the values of an SQLite file, those in its write-ahead log too."""
    told = io.BytesIO()
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    told.write(value if isinstance(value, bytes) else str(value).encode())
                    told.write(b"\n")
    except sqlite3.DatabaseError:  # damaged, or of a kind this cannot read: its bytes were searched
        pass
    finally:
        connection.close()
    return told.getvalue()


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    for magic, decompress in _COMPRESSED:
        if content.startswith(magic):
            with suppress(OSError, EOFError, ValueError, lzma.LZMAError, zlib.error):  # not that after all
                yield "", decompress(content)
    if content.startswith(b"PK\3\4"):
        with (
            suppress(zipfile.BadZipFile, RuntimeError, NotImplementedError),
            zipfile.ZipFile(io.BytesIO(content)) as archive,
        ):
            for member in archive.namelist():
                yield member, archive.read(member)
    elif content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for entry in tar:
                held = tar.extractfile(entry)
                yield entry.name, b"" if held is None else held.read()


_COMPRESSED: Final[tuple[tuple[bytes, Callable[[bytes], bytes]], ...]] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\0", lzma.decompress),
    (b"\x28\xb5\x2f\xfd", lambda content: pa.input_stream(io.BytesIO(content), compression="zstd").read()),
)
