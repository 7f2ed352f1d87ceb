"""A marker in every place of a record, one record a place: nothing the home keeps holds any of them."""

from __future__ import annotations

import base64
import csv
import io
import json
import logging
import re
import sqlite3
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from record_markers import ALONE, INS, MARKS, PREFIX, bundles, documents, messages
from record_templates import CSV_ROW, DOCUMENT, MAPPING, OMOP_ROWS

from federim.home import Home
from federim_pipelines.accounting import RunReport
from federim_pipelines.run import ingest

# The vault holds identities, under its own key.
VAULT = "vault"
MARKER = re.compile(PREFIX.lower().encode() + b"([a-z]{4})")


class Cage:
    """Hands out markers and remembers where each was put."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        number = len(self.places)
        marker = PREFIX + "".join(chr(97 + number // 26**power % 26) for power in (3, 2, 1, 0))
        self.places[marker] = place
        return marker


@pytest.fixture
def cage() -> Cage:
    return Cage()


def rows_of(plant: Cage, template: Mapping[str, str], kind: str, local: set[str]) -> Iterator[dict[str, str]]:
    """A row for each column, marked in each way."""
    number = 1
    for column in template:
        for how, mark in MARKS:
            if how == ALONE[0] and column in local:
                continue
            number += 1
            row = template | {column: mark(plant(f"{kind}.{column} {how}"))}
            yield {name: text.replace("{n}", str(number)) for name, text in row.items()}


def as_csv(rows: Iterator[dict[str, str]]) -> bytes:
    told = list(rows)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(told[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    return file.getvalue().encode()


def put_damaged(folder: Path, cage: Cage) -> None:
    """Files that are refused, whose names and contents say what no refusal may repeat."""
    telling = folder / cage("a folder's name")
    telling.mkdir()
    word = cage("a damaged file")
    damaged: dict[str, bytes] = {
        ".json": f'{{"resourceType": "{word}", "{word}": [{word}'.encode(),
        ".ndjson": f'{{"resourceType": "Patient", "id": "{word}\n[{word}]\n"{word}"\n'.encode(),
        ".other.json": f'{{"{word}": "{word}"}}'.encode(),
        ".xml": f"<{word}><a>{word}</b>".encode(),
        ".dtd.xml": f'<!DOCTYPE a [<!ENTITY {word} "{word}">]><a>&{word};</a>'.encode(),
        ".hl7": f"MSH|^~\\&|A|B|C|D|{word}||{word}^{word}|{word}\r{word}\rPID|{word}".encode(),
        ".er7": f"BHS|^~\\&|{word}\r{word} before\rMSH|\r{word}|{word}".encode(),
        ".csv": f"{word};{word}\n{word}".encode(),
        "results.csv": f'IPP,{word},LOINCS\n"{word}'.encode(),
        ".parquet": f"PAR1{word}".encode(),
        ".dcm": b"\x00" * 128 + f"DICM{word}".encode(),
        ".zip": f"PK\x03\x04{word}".encode(),
    }
    for suffix, content in damaged.items():
        (telling / f"{cage(f'the name of {suffix}')}{suffix}").write_bytes(content)
    (folder / "results_of.csv").write_bytes(f"IPP,SEX,LOINK,{word}\nP,F,{word}\n".encode())
    with zipfile.ZipFile(folder / "members.zip", "w") as archive:
        for suffix, content in damaged.items():
            archive.writestr(f"{cage('a member')}/{cage('a member')}{suffix}", content)


@pytest.fixture
def inbox_of_markers(inbox: Path, cage: Cage) -> Path:
    (inbox / "messages.hl7").write_text("".join(messages(cage)))
    (inbox / "bundles.ndjson").write_text("\n".join(bundles(cage)))
    for number, document in enumerate(documents(cage, DOCUMENT)):
        (inbox / f"{number}.xml").write_bytes(document)
    (inbox / "results.csv").write_bytes(as_csv(rows_of(cage, CSV_ROW, "csv", {"UNIT", "DOSE_UNIT"})))
    (inbox / "omop").mkdir()
    for table, template in OMOP_ROWS.items():
        local = {f"{noun}_source_value" for noun in ("condition", "procedure", "measurement", "drug")}
        rows = rows_of(cage, template, table, local | {"observation_source_value"})
        (inbox / "omop" / f"{table}.csv").write_bytes(as_csv(rows))
    put_damaged(inbox, cage)
    return inbox


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING)
    return path


def texts_of(home: Home) -> Iterator[tuple[str, bytes]]:
    """Every file of the home but the vault, its name and its content, tables as their values."""
    for path in sorted(home.root.rglob("*")):
        name = str(path.relative_to(home.root))
        if name.startswith(VAULT) or not path.is_file():
            continue
        yield name, name.encode() + b"\n" + path.read_bytes()
        if path.suffix == ".parquet":
            yield name, repr(pq.read_table(path, partitioning=None).to_pylist()).encode()
        elif path.suffix == ".sqlite3":
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
                for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
                    yield name, repr(connection.execute(f"SELECT * FROM {table}").fetchall()).encode()
            connection.close()


def spellings(text: str) -> set[bytes]:
    """A text in plain, in hexadecimal and in Base64, wherever in a group of three bytes it begins."""
    plain = {one.encode() for one in (text, text.lower(), text.upper())}
    found = plain | {one.hex().encode() for one in plain} | {one.hex().upper().encode() for one in plain}
    for one in plain:
        for before in range(3):
            # What stands before and after changes the letters at the ends.
            left = one[-before % 3 :]
            found.add(base64.b64encode(left[: len(left) // 3 * 3]))
    return found


def found_in(content: bytes, cage: Cage) -> set[str]:
    """Where the markers that some bytes hold were put, and the number of the person."""
    told = {cage.places[PREFIX + match[1].decode()] for match in MARKER.finditer(content.lower())}
    if not told and any(spelled in content for spelled in spellings(PREFIX)):
        told.add("a marker in another spelling")
    if any(spelled in content for spelled in spellings(INS)):
        told.add("the INS")
    return told


def test_no_place_of_a_record_lets_a_marker_into_the_home(
    site: Home,
    inbox_of_markers: Path,
    mapping: Path,
    cage: Cage,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    report = ingest(site, [inbox_of_markers], mapping=mapping)

    told: dict[str, set[str]] = {}
    for name, content in texts_of(site):
        if found := found_in(content, cage):
            told.setdefault(name.partition("/bucket")[0], set()).update(found)
    said = capfd.readouterr()
    for name, text in (("output", said.out), ("errors", said.err), ("log", caplog.text)):
        if found := found_in(text.encode(), cage):
            told[name] = found
    if found := found_in(json.dumps(report.as_json()).encode(), cage):
        told["report"] = found
    assert not told
    assert len(cage.places) > 3000
    assert not_lost(report)


def not_lost(report: RunReport) -> bool:
    """Whether enough entered for the search to mean something."""
    rows: Mapping[str, Any] = report.rows
    tables = ("measurement", "observation", "condition_occurrence", "procedure_occurrence", "drug_exposure")
    return all(rows[table] > 200 for table in (*tables, "report", "visit_occurrence"))


def test_the_search_finds_what_is_there() -> None:
    cage = Cage()
    marker = cage("somewhere")
    for before in range(3):
        text = b"." * before + marker.encode() + b"..."
        for content in (text, text.upper(), text.hex().encode(), base64.b64encode(text)):
            assert found_in(content, cage)
    assert not found_in(b"nothing of it", cage)
