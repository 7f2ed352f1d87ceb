"""Files and folders that are odd in ways real ones are, and what each would give away or lose."""

from __future__ import annotations

import os
import struct
import sys
import warnings
from pathlib import Path

import pytest
from made_datasets import element

from federim.model.errors import StorageFull
from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.tree.names import Names
from federim_pipelines.deidentify.tree.run import deidentify_tree
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

SUBJECT = Subject(person_id=Pseudonym("5eed" * 8), linked=False, date_shift_days=-9, uid_key=bytes(32))
KEY = bytes(range(32))


def _file(changed: dict[int, tuple[str, bytes]] | None = None) -> bytes:
    elements: dict[int, tuple[str, bytes]] = {
        0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.2"),
        0x00080018: ("UI", b"1.2.3.4.1"),
        0x00080020: ("DA", b"20240131"),
        0x00080060: ("CS", b"CT"),
        0x00100010: ("PN", b"QUETZALCOATL^ZOE"),
        0x00100020: ("LO", b"IPP778899"),
        0x0020000D: ("UI", b"1.2.3.4.2"),
        0x0020000E: ("UI", b"1.2.3.4.3"),
    } | (changed or {})
    dataset = b"".join(element(tag, *elements[tag], explicit=True) for tag in sorted(elements))
    meta = element(0x00020010, "UI", b"1.2.840.10008.1.2.1", explicit=True)
    length = element(0x00020000, "UL", struct.pack("<I", len(meta)), explicit=True)
    return bytes(128) + b"DICM" + length + meta + dataset


def _deidentifier(*, fast: bool = True) -> Deidentifier:
    return Deidentifier(load_policy("research"), lambda _: SUBJECT, fast=fast)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({0x00080018: ("UI", bytes(8))}, id="of zeros"),
        pytest.param({0x00080018: ("UI", b"1.2.3\\1.2.4")}, id="two of them"),
        pytest.param({0x0020000D: ("LO", b"1.2.3.4.2")}, id="as text"),
    ],
)
def test_an_object_has_one_uid_where_it_needs_one(changed: dict[int, tuple[str, bytes]], fast: bool) -> None:
    with pytest.raises(Unusable) as refused:
        _deidentifier(fast=fast).content(_file(changed))
    assert refused.value.reason is Reason.UID_MISSING


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("code", [b"20240131", b"0612345678", b"MARTIN^JEAN^19850101"])
def test_an_identifier_is_no_code(code: bytes, fast: bool) -> None:
    item = element(0x00080100, "SH", code, explicit=True) + element(0x00080102, "SH", b"L", explicit=True)
    sequence = struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
    with _deidentifier(fast=fast).content(_file({0x00082218: ("SQ", sequence)})) as cleaned:
        assert code not in cleaned.head


def test_the_real_day_is_in_no_number(tmp_path: Path) -> None:
    with _deidentifier().content(_file({0x00200011: ("IS", b"20240131")})) as cleaned:
        assert b"20240131" not in cleaned.head


@pytest.mark.parametrize(
    "place",
    [
        "2024/01/31/IM0001.dcm",
        "CHEST/2024/01/31/IM0001",
        "01/31/IM0001.dcm",
        "IM2024/1.dcm",
        "2024/01/31.dcm",
    ],
)
def test_a_place_made_of_a_date_is_keyed(place: str) -> None:
    folder, _, name = place.rpartition("/")
    neutral = Names(KEY).neutral(folder, name)
    assert not {"2024", "01", "31", "31.dcm", "IM2024"} & set(neutral.split("/"))


def test_series_and_slices_keep_their_names() -> None:
    assert Names(KEY).neutral("CHEST/CT", "IM0001.dcm") == "CHEST/CT/IM0001.dcm"


def test_a_name_in_another_character_set_is_a_name(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / os.fsdecode(b"\xc9chographie.dcm")).write_bytes(_file())
    report = deidentify_tree(source, tmp_path / "out", key=KEY)
    assert report.as_json()["fast_path"] == 1 and not report.quarantined


@pytest.mark.skipif(os.getuid() == 0, reason="root lists every folder")
def test_a_folder_that_cannot_be_listed_is_refused_alone(tmp_path: Path) -> None:
    (tmp_path / "in/closed").mkdir(parents=True)
    (tmp_path / "in/1.dcm").write_bytes(_file())
    (tmp_path / "in/closed").chmod(0)
    report = deidentify_tree(tmp_path / "in", tmp_path / "out", key=KEY)
    assert (report.as_json()["fast_path"], report.quarantined) == (1, 1)


def test_a_full_disk_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The kernel's own answer cannot be had without a disk to fill, so it is given here."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    image = {
        0x00280002: ("US", b"\1\0"),
        0x00280004: ("CS", b"MONOCHROME2"),
        0x00280010: ("US", b"\2\0"),
        0x00280011: ("US", b"\2\0"),
        0x00280100: ("US", b"\x10\0"),
        0x7FE00010: ("OW", bytes(8)),
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in/1.dcm").write_bytes(_file(image))
    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(StorageFull):
        deidentify_tree(tmp_path / "in", tmp_path / "out", key=KEY)


def test_what_is_asked_of_a_raw_header_later_warns_of_nothing() -> None:
    content = _file({0x00080020: ("DA", b"2024-01-31")})
    with _deidentifier(fast=False).content(content) as cleaned, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cleaned.raw.get("StudyDate") == "2024-01-31"
        assert cleaned.raw.get("PatientID") == "IPP778899"


def test_initials_over_and_over_take_no_time_worth_mentioning() -> None:
    text = ("Z Q " * 20_000).encode()
    with _deidentifier().content(_file({0x00204000: ("LT", text[:65_000])})) as cleaned:
        assert cleaned.fast


def test_this_python_encodes_file_names_as_they_are() -> None:
    assert sys.getfilesystemencodeerrors() == "surrogateescape"
