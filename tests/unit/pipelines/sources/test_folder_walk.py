"""Every file is met once, in a repeatable order, whatever its name."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.data import get_testdata_file

from federim_pipelines.items import Item
from federim_pipelines.sources.archive import listing, why_member_refused
from federim_pipelines.sources.content import opened, size_of
from federim_pipelines.sources.folder import walk
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff


def bundled(name: str) -> Path:
    """A file of the set inside pydicom's wheel."""
    found = get_testdata_file(name, download=False)
    assert found is not None
    return Path(found)


def _met(*paths: Path) -> list[tuple[str, str, Kind]]:
    return [(found.path.name, found.member, found.kind) for found in walk(paths)]


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_files_of_any_name_come_folder_by_folder_in_the_order_of_names(tmp_path: Path) -> None:
    ct = bundled("CT_small.dcm").read_bytes()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".hidden").write_bytes(ct)
    (tmp_path / "b.pdf").write_bytes(ct)
    (tmp_path / "z").write_bytes(b"")
    (tmp_path / "IM 1").write_bytes(b'{"resourceType": "Bundle"}')
    (tmp_path / "note.dcm").write_text("a text called .dcm")
    assert _met(tmp_path) == [
        ("IM 1", "", Kind.JSON),
        ("b.pdf", "", Kind.DICOM),
        ("note.dcm", "", Kind.OTHER),
        ("z", "", Kind.EMPTY),
        (".hidden", "", Kind.DICOM),
    ]


def test_a_file_given_by_name_is_met_and_a_missing_one_too(tmp_path: Path) -> None:
    assert _met(bundled("CT_small.dcm"), tmp_path / "gone") == [
        ("CT_small.dcm", "", Kind.DICOM),
        ("gone", "", Kind.OTHER),
    ]


def test_a_link_that_goes_in_circles_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "circle").symlink_to(tmp_path)
    (tmp_path / "in" / "file").write_bytes(b"x")
    assert _met(tmp_path) == [("file", "", Kind.OTHER)]


def test_an_archive_is_met_as_its_members(tmp_path: Path) -> None:
    ct = bundled("CT_small.dcm").read_bytes()
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x", ct)
    _zip(
        tmp_path / "cd.bin",
        {"DIR/IM1": ct, "DIR/": b"", "readme": b"hello", "more.zip": inner.getvalue(), "e": b""},
    )
    assert _met(tmp_path) == [
        ("cd.bin", "DIR/IM1", Kind.DICOM),
        ("cd.bin", "readme", Kind.OTHER),
        ("cd.bin", "more.zip", Kind.ZIP),
        ("cd.bin", "e", Kind.EMPTY),
    ]


@pytest.mark.parametrize("cut", [4, 60, -30])
def test_a_damaged_or_empty_archive_comes_as_itself(tmp_path: Path, cut: int) -> None:
    path = _zip(tmp_path / "x.zip", {"a": b"a" * 200, "b": b"b" * 200})
    path.write_bytes(path.read_bytes()[:cut])
    assert _met(path) == [("x.zip", "", Kind.ZIP)]
    assert listing(path).refused == "damaged archive"
    assert _met(_zip(tmp_path / "none.zip", {})) == [("none.zip", "", Kind.ZIP)]


def test_an_archive_whose_members_share_bytes_is_refused(tmp_path: Path) -> None:
    """The trick of a ZIP bomb: a thousand names for the same compressed bytes."""
    path = _zip(tmp_path / "bomb.zip", {f"{number:03}": bytes(100_000) for number in range(9)})
    content = bytearray(path.read_bytes())
    for entry in re.finditer(b"PK\x01\x02", bytes(content)):
        struct.pack_into("<L", content, entry.start() + 20, len(content) // 2)
    path.write_bytes(content)
    assert listing(path).refused == "archive whose members overlap"
    assert _met(path) == [("bomb.zip", "", Kind.ZIP)]


def test_an_archive_with_two_members_of_one_name_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"2")
    assert listing(tmp_path / "twice.zip").refused == "archive with two members of one name"


def test_an_encrypted_member_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "locked.zip", {"a": bundled("CT_small.dcm").read_bytes(), "b": b"hello"})
    content = bytearray(path.read_bytes())
    for place in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[place] |= 1
    path.write_bytes(content)
    assert _met(path) == [("locked.zip", "a", Kind.OTHER), ("locked.zip", "b", Kind.OTHER)]
    assert why_member_refused(path, "a") == "encrypted member of an archive"
    assert why_member_refused(path, "b") == ""


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "ExplVR_LitEndNoMeta.dcm",
        "ExplVR_BigEndNoMeta.dcm",
    ],
)
def test_dicom_is_known_with_and_without_a_preamble(name: str) -> None:
    assert sniff(bundled(name).read_bytes()[:HEAD_BYTES]) is Kind.DICOM


def test_dicom_is_known_from_its_dataset_alone() -> None:
    content = bundled("CT_small.dcm").read_bytes()
    assert sniff(content[132:][:HEAD_BYTES]) is Kind.DICOM


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-nooffset", "DICOMDIR-bigEnd", "DICOMDIR-implicit"])
def test_a_dicomdir_is_known_by_what_it_says(name: str) -> None:
    path = next((Path(pydicom.__file__).parent / "data/test_files").rglob(name))
    assert sniff(path.read_bytes()[:HEAD_BYTES]) is Kind.DICOMDIR


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", Kind.EMPTY),
        (b"PK\x03\x04rest", Kind.ZIP),
        (b"\xef\xbb\xbf \n[1]", Kind.JSON),
        (b"\x08\x00", Kind.OTHER),
        (b"\x08\x00\x05\x00\xff\xff\xff\x7f", Kind.OTHER),
        (b"id;name\n", Kind.OTHER),
        (b"\x89PNG\r\n\x1a\n", Kind.OTHER),
        (bytes(200), Kind.OTHER),
    ],
)
def test_other_beginnings(head: bytes, kind: Kind) -> None:
    assert sniff(head) is kind


def test_an_archive_is_opened_once_however_many_members_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = _zip(tmp_path / "a.zip", {f"{number:03}.json": b'{"a": 1}' for number in range(200)})
    opened_archives = 0

    class Counting(zipfile.ZipFile):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            nonlocal opened_archives
            opened_archives += 1
            super().__init__(*arguments, **named)

    monkeypatch.setattr(zipfile, "ZipFile", Counting)
    for found in walk([packed]):
        item = found.item("fhir")
        assert not why_member_refused(item.path, item.member)
        assert size_of(item) == 8
        with opened(item) as file:
            assert file.read() == b'{"a": 1}'
    assert opened_archives == 1


def test_an_archive_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    packed = _zip(tmp_path / "a.zip", {"first": b"1"})
    assert listing(packed).members == ("first",)
    _zip(tmp_path / "b.zip", {"second": b"2"}).replace(packed)
    assert listing(packed).members == ("second",)


def test_a_member_being_read_outlives_the_opening_of_many_other_archives(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    packed = _zip(tmp_path / "a.zip", {"large": content})
    with opened(Item("folder", packed, member="large")) as file:
        head = file.read(10)
        for number in range(5):
            other = _zip(tmp_path / f"{number}.zip", {"small": b"1"})
            assert listing(other).members == ("small",)
        assert head + file.read() == content
