"""All rows of a vault in one encrypted file, and back into a vault, whichever database holds it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

import pyarrow as pa

from federim.identity.cipher import VaultCipher
from federim.identity.vault.database import Database, Row, marks
from federim.identity.vault.keying import Keys, rekeyed
from federim.identity.vault.schema import BYTES, TABLES, VERSION
from federim.identity.vault.sealed_file import SealedWriter, read_header, read_pieces
from federim.model.errors import IdentityError

Progress = Callable[[int], object]
"""Told how many rows more are done."""

KIND: Final = "federim vault backup"
_NAME: Final = b"table"
_ARROW: Final = {"TEXT": pa.string(), BYTES: pa.binary(), "INTEGER": pa.int64(), "BIGINT": pa.int64()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first line of a dump tells to anybody."""

    line: bytes
    key: bytes  # tells under which vault key it is
    made_at: str  # UTC
    rows: int


def counts(database: Database) -> dict[str, int]:
    """How many rows each table has."""
    query = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in TABLES)
    return dict(database.rows(query))


def write_dump(database: Database, file: BinaryIO, keys: Keys, progress: Progress) -> dict[str, int]:
    """Write every row, as it is under `keys.new`. Inside `reading` or `transaction`.

    Returns
    -------
    dict
        Rows by table.

    Raises
    ------
    IdentityError
        A row of the vault is not as it was written.
    """
    found = counts(database)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    writer = SealedWriter(
        file, keys.new, {"federim": KIND, "schema": VERSION, "made_at": made_at, "rows": sum(found.values())}
    )
    for name, table in TABLES.items():
        for rows in database.pages(f"SELECT {', '.join(table.columns)} FROM {name}"):
            made = rekeyed(name, rows, keys)
            # Under the same key that was a check, and the rows stay as they are.
            writer.write(_packed(name, rows if keys.old is keys.new else made))
            progress(len(rows))
    writer.finish()
    return found


def dump_header(file: BinaryIO) -> Header:
    """The first line of a dump.

    Raises
    ------
    IdentityError
        The file is none, or another version's.
    """
    line, told = read_header(file)
    key, made_at, rows = (str(told.get(each)) for each in ("key", "made_at", "rows"))
    well_formed = re.fullmatch("[0-9a-f]{64}", key) and re.fullmatch("[0-9]{1,18}", rows)
    if told.get("federim") != KIND or told.get("schema") != VERSION or not well_formed:
        raise IdentityError(
            "the file is no backup of a vault, or one of another version of Federim; use that one"
        )
    return Header(line=line, key=bytes.fromhex(key), made_at=made_at, rows=int(rows))


def read_dump(
    database: Database, file: BinaryIO, cipher: VaultCipher, header: Header, progress: Progress
) -> dict[str, int]:
    """Put the rows that follow a dump's first line into an empty vault. Inside `transaction`.

    Raises
    ------
    IdentityError
        The file was changed, or is not whole.
    """
    found = dict.fromkeys(TABLES, 0)
    for piece in read_pieces(file, cipher, header.line):
        name, rows = _unpacked(piece)
        columns = TABLES[name].columns
        database.many(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks(list(columns))})", rows)
        found[name] += len(rows)
        progress(len(rows))
    return found


def empty(database: Database) -> None:
    """Delete every row, those of the key among them. Inside `transaction`."""
    for name in reversed(TABLES):
        database.run(f"DELETE FROM {name}")


def _packed(name: str, rows: list[Row]) -> bytes:
    table = TABLES[name]
    types = [_ARROW[table.kind(column)] for column in table.columns]
    schema = pa.schema(list(zip(table.columns, types, strict=True)), metadata={_NAME: name})
    arrays = [pa.array(values, type_) for values, type_ in zip(zip(*rows, strict=True), types, strict=True)]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(pa.record_batch(arrays, schema=schema))
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpacked(piece: bytes) -> tuple[str, list[Row]]:
    table = pa.ipc.open_stream(piece).read_all()
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return table.schema.metadata[_NAME].decode(), rows
