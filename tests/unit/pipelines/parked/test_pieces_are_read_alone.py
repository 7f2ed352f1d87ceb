"""A piece is as small as it can be, and gives what its file would have given."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from federim.home import Home
from federim_pipelines.items import Item
from federim_pipelines.parked.lot import Bay, ParkingLot, Waiting
from federim_pipelines.parked.piece import readable
from federim_pipelines.parked.terms import Terms
from federim_pipelines.sources import content, csv
from federim_pipelines.sources.fhir import content as fhir
from federim_pipelines.sources.hl7v2 import reading as hl7v2
from federim_pipelines.worker import Task, Worker

Keep = Callable[[Item], Waiting]
CSV = """
[[file]]
pattern = "lab.csv"
id = ["n"]
person = { key = "ipp", registers = true }
date = { day = 2024-05-01 }

[[file.measurement]]
column = "value"
code = "14682-9"
system = "http://loinc.org"
unit = "umol/L"
"""


@pytest.fixture
def bay(site: Home) -> Bay:
    return ParkingLot(site).bay(Terms.of(Task(site.root, "research", None, 2026)))


@pytest.fixture
def keep(bay: Bay) -> Keep:
    """Park an item, and give its piece."""

    def build(item: Item) -> Waiting:
        before = {piece.path for piece in bay.waiting()}
        bay.keep(item, name=f"in/{item.file_name}", digest=content.digest(item))
        [piece] = [piece for piece in bay.waiting() if piece.path not in before]
        return piece

    return build


def bytes_of(item: Item) -> bytes:
    with content.opened(item) as file:
        return file.read()


def test_a_whole_file_comes_back_under_its_own_name(site: Home, keep: Keep) -> None:
    item = Item(source="folder", path=Path(get_testdata_file("CT_small.dcm")))
    piece = keep(item)
    with readable(piece.item, site) as within:
        assert bytes_of(within) == item.path.read_bytes()
        assert (within.source, within.file_name, within.end) == ("folder", "CT_small.dcm", None)
    assert piece.header.digest == content.digest(item).hex()


def test_a_member_comes_back_without_its_archive(site: Home, keep: Keep, tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("QUEFFELEC/a.xml", b"<a/>" * 1000)
        archive.writestr("b.xml", b"<b/>")
    piece = keep(Item(source="cda", path=path, member="QUEFFELEC/a.xml"))
    path.unlink()
    with readable(piece.item, site) as within:
        assert (bytes_of(within), within.file_name) == (b"<a/>" * 1000, "a.xml")


def test_spans_of_lines_and_of_messages_keep_their_line_numbers(
    site: Home, keep: Keep, write_file: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir, "SPAN_BYTES", 100)
    monkeypatch.setattr(hl7v2, "SPAN_BYTES", 40)
    lines = write_file("a.ndjson", [{"resourceType": "Patient", "id": str(n)} for n in range(20)])
    messages = write_file("b.hl7", "MSH|^~\\&|a\rPID|1\r\n" * 9, source=hl7v2.KIND)
    for whole, spans in ((lines, fhir.spans(lines)), (messages, hl7v2.spans(messages))):
        cut = list(spans)
        assert len(cut) > 2
        for item in cut:
            with readable(keep(item).item, site) as within:
                assert bytes_of(within) == bytes_of(item)
                assert (within.first_line, within.end is None) == (item.first_line, False)
        assert b"".join(bytes_of(item) for item in cut) == whole.path.read_bytes()


def test_rows_come_back_below_the_row_that_names_them(
    open_worker: Callable[..., Worker],
    write_file: Callable[..., Item],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = open_worker(CSV)
    bay = ParkingLot(worker.home).bay(Terms.of(Task(worker.home.root, "basic", None, 2026)))
    monkeypatch.setattr(csv, "SPAN_BYTES", 64)
    rows = "".join(f"{n},P{n % 3},{60 + n}\n" for n in range(30)) + "bad\n"
    whole = write_file("lab.csv", '\ufeffn,ipp,value,"a\nnote"\n' + rows.replace("\n", ",\n"), source="csv")
    cut = list(csv.spans(whole))
    assert len(cut) > 3
    for item in cut:
        bay.keep(item, name="in/lab.csv", digest=content.digest(item))
    pieces = bay.first(100)
    assert len(pieces) == len(cut)
    for item, piece in zip(cut, pieces, strict=True):
        expected = csv.read(item, worker)
        with readable(piece.item, worker.home) as within:
            told = csv.read(within, worker)
        assert told.records == expected.records and told.refusals == expected.refusals
    assert {refusal.position for refusal in told.refusals} == {32}


def test_a_piece_parked_twice_is_there_once_and_names_nobody(site: Home, bay: Bay, tmp_path: Path) -> None:
    path = tmp_path / "QUEFFELEC Zoé.dcm"
    path.write_bytes(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    item = Item(source="folder", path=path)
    for _ in range(2):
        bay.keep(item, name=path.name, digest=content.digest(item))
    assert len(list(bay.waiting())) == 1
    for file in site.parked.rglob("*"):
        assert "QUEFFELEC" not in file.name
        assert file.is_dir() or b"QUEFFELEC" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_a_piece_in_plain_has_no_name_on_the_disk(site: Home, keep: Keep) -> None:
    piece = keep(Item(source="folder", path=Path(get_testdata_file("CT_small.dcm"))))
    with readable(piece.item, site):
        assert list(site.staging.iterdir()) == []
