"""The byte search finds a string wherever a home could hide it, and nothing where there is none."""

from __future__ import annotations

import base64
import gzip
import io
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from byte_search import find
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NEEDLE = "279035121518989"
PSEUDONYM = "00112233445566778899aabbccddeeff"


def parquet(path: Path, *, nested: bool = False) -> None:
    value = [{"deep": [NEEDLE]}] if nested else [NEEDLE]
    pq.write_table(pa.table({"column": value}), path, compression="zstd", write_statistics=False)


def database(path: Path, *, deleted: bool = False) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("CREATE TABLE held (value)")
    connection.executemany("INSERT INTO held VALUES (?)", [(NEEDLE,), ("other",)])
    connection.commit()
    if deleted:
        connection.execute("DELETE FROM held WHERE value = ?", (NEEDLE,))
        connection.commit()
    connection.close()


def zipped(path: Path) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        member = tarfile.TarInfo("member.txt")
        member.size = len(NEEDLE)
        tar.addfile(member, io.BytesIO(NEEDLE.encode()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.tar", inner.getvalue())


@pytest.mark.parametrize(
    ("hide", "form", "where"),
    [
        (lambda path: path.write_text(f"a{NEEDLE}b"), "plain", "bytes"),
        (lambda path: path.write_text(NEEDLE.encode().hex().upper()), "hex", "bytes"),
        (lambda path: path.with_name(f"x-{NEEDLE}.txt").touch(), "plain", "name"),
        (lambda path: path.write_bytes(gzip.compress(NEEDLE.encode())), "plain", "archive"),
        (zipped, "plain", "archive"),
        (parquet, "plain", "parquet"),
        (lambda path: parquet(path, nested=True), "plain", "parquet"),
        (database, "plain", "sqlite"),
        (lambda path: database(path, deleted=True), "plain", "bytes"),
    ],
    ids=["plain", "hex", "name", "gzip", "tar in zip", "parquet", "nested", "sqlite", "free page"],
)
def test_what_is_hidden_is_found(
    tmp_path: Path, hide: Callable[[Path], object], form: str, where: str
) -> None:
    hide(tmp_path / "file")
    hits = {(hit.needle, hit.form, hit.where) for hit in find(tmp_path, ["not there at all", NEEDLE])}
    assert (1, form, where) in hits
    assert {needle for needle, *_ in hits} == {1}


def test_a_pseudonym_kept_as_bytes_is_found(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"??" + bytes.fromhex(PSEUDONYM) + b"??")
    assert [hit.form for hit in find(tmp_path, [PSEUDONYM])] == ["raw"]


def test_what_is_left_out_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "file").write_text(NEEDLE)
    assert find(tmp_path, [NEEDLE], beside=["vault"]) == []
    assert len(find(tmp_path, [NEEDLE])) == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.binary(max_size=40),
    after=st.binary(max_size=40),
    needle=st.from_regex("[0-9A-Z]{12,20}", fullmatch=True),
)
def test_base64_is_found_wherever_the_string_begins_in_it(
    tmp_path: Path, before: bytes, after: bytes, needle: str
) -> None:
    (tmp_path / "file").write_bytes(base64.b64encode(before + needle.encode() + after))
    assert "base64" in {hit.form for hit in find(tmp_path, [needle])}
    (tmp_path / "file").write_bytes(base64.b64encode(before + after))
    assert needle.encode() in before + after or not find(tmp_path, [needle])
