"""A folder tree goes in, the same without patients comes out, and every file is accounted for."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, dcmwrite

from federim.model.errors import InputError, StorageFull
from federim_pipelines.deidentify.tree.run import TreeReport, deidentify_tree
from federim_pipelines.deidentify.tree.subjects import root_key
from federim_pipelines.deidentify.tree.walk import FILES_A_CHUNK, chunks
from federim_pipelines.deidentify.tree.worker import UNFINISHED
from federim_pipelines.items import Reason

KEY = bytes(range(32))
Plant = Callable[..., Path]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def plant(source: Path, make_dataset: Callable[..., Dataset]) -> Plant:
    """Write a CT at a place of the source."""

    def write(place: str, number: int = 1, **attributes: object) -> Path:
        path = source / place
        path.parent.mkdir(parents=True, exist_ok=True)
        dcmwrite(
            path, make_dataset(SOPInstanceUID=f"1.2.3.4.1.{number}", **attributes), enforce_file_format=True
        )
        return path

    return write


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def adds_up(report: TreeReport, source: Path) -> bool:
    total = report.fast_path + report.reference_path + report.quarantined + report.ignored
    here = sum(1 for path in source.rglob("*") if not path.is_dir() or path.is_symlink())
    return total == report.files == here


@pytest.mark.parametrize("workers", [1, 2])
def test_every_file_is_written_refused_or_ignored(
    plant: Plant, source: Path, tmp_path: Path, workers: int
) -> None:
    for number in range(FILES_A_CHUNK + 3):
        plant(f"ct/{number:03}.dcm", number)
    plant("deep/er/000.dcm", 900)
    plant("nobody.dcm", 901, PatientID="")
    plant("cut.dcm", 902).write_bytes((source / "ct/000.dcm").read_bytes()[:-3])
    plant("report.dcm", 903, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    (source / "empty").touch()
    (source / "notes.txt").write_text("nothing to see")
    (source / "DICOMDIR").write_bytes(b"\0" * 200)
    outside = tmp_path / "outside.dcm"
    outside.write_bytes((source / "ct/000.dcm").read_bytes())
    (source / "link.dcm").symlink_to(outside)
    (source / "loop").symlink_to(source)
    report = deidentify_tree(source, tmp_path / "out", key=KEY, workers=workers)
    assert adds_up(report, source)
    assert report.fast_path + report.reference_path == FILES_A_CHUNK + 4 == len(files(tmp_path / "out"))
    assert report.ignored == 4
    assert {each.file: each.reason for each in report.refused} == {
        "nobody.dcm": Reason.PATIENT_UNKNOWN,
        "cut.dcm": Reason.TRUNCATED,
        "report.dcm": Reason.POLICY,
        "empty": Reason.EMPTY,
    }
    assert (report.checked, report.hits) == (FILES_A_CHUNK + 4, 0)


def test_the_same_key_gives_the_same_bytes_in_every_run_and_process(
    plant: Plant, source: Path, tmp_path: Path
) -> None:
    for number in range(5):
        plant(f"{number}/{number}.dcm", number, PatientID=f"IPP-77889{number}")
    for name, workers, key in (("a", 1, KEY), ("b", 2, KEY), ("c", 1, secrets.token_bytes(32))):
        deidentify_tree(source, tmp_path / name, key=key, workers=workers)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert set(files(tmp_path / "a").values()).isdisjoint(files(tmp_path / "c").values())


def test_folders_and_files_keep_names_that_tell_nothing(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("ct/thorax/001.dcm")
    plant("Quéffelec Maël/IPP-778899/ct/19520314.dcm", 2)
    deidentify_tree(source, tmp_path / "out", key=KEY)
    places = sorted(files(tmp_path / "out"))
    assert "ct/thorax/001.dcm" in places
    (hidden,) = [place for place in places if place != "ct/thorax/001.dcm"]
    assert hidden.split("/")[2] == "ct"
    assert hidden.endswith(".dcm")
    for telling in ("qu", "effelec", "ma", "778899", "1952"):
        assert telling not in hidden.lower().removesuffix(".dcm").replace(hidden.split("/")[2], "")


def test_a_patient_called_like_a_folder_is_put_in_another(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("thorax/001.dcm", 1, PatientName="Thorax^Jean")
    plant("thorax/002.dcm", 2, PatientName="Martin^Jean", PatientID="5566778")
    report = deidentify_tree(source, tmp_path / "out", key=KEY)
    places = sorted(files(tmp_path / "out"))
    assert report.fast_path + report.reference_path == 2
    assert "thorax/002.dcm" in places
    assert "thorax/001.dcm" not in places


def test_intervals_between_a_patients_dates_are_kept(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("1.dcm", 1, StudyDate="20200101")
    plant("2.dcm", 2, StudyDate="20200131")
    plant("3.dcm", 3, StudyDate="20200101", PatientID="IPP-112233")
    deidentify_tree(source, tmp_path / "out", key=KEY)
    first, second, other = (pydicom.dcmread(tmp_path / "out" / f"{number}.dcm") for number in (1, 2, 3))
    days = [int(each.StudyDate) for each in (first, second, other)]
    assert all(day < 20200131 for day in days)
    assert first.PatientID == second.PatientID != other.PatientID
    assert first.StudyInstanceUID == second.StudyInstanceUID != other.StudyInstanceUID


def test_issuers_part_patients_of_the_same_number(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("1.dcm", 1, IssuerOfPatientID="NORD")
    plant("2.dcm", 2, IssuerOfPatientID="SUD")
    deidentify_tree(source, tmp_path / "out", key=KEY)
    assert len({pydicom.dcmread(tmp_path / "out" / f"{number}.dcm").PatientID for number in (1, 2)}) == 2


def test_maps_are_of_what_was_written(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("1.dcm", 7, FrameOfReferenceUID="1.2.3.4.4")
    report = deidentify_tree(source, tmp_path / "out", key=KEY, maps=True)
    clean = pydicom.dcmread(tmp_path / "out" / "1.dcm")
    assert report.patients == {("IPP-778899", clean.PatientID)}
    assert report.uids >= {
        ("1.2.3.4.1.7", clean.SOPInstanceUID),
        ("1.2.3.4.2", clean.StudyInstanceUID),
        ("1.2.3.4.3", clean.SeriesInstanceUID),
        ("1.2.3.4.4", clean.FrameOfReferenceUID),
    }
    assert not any(old.startswith("1.2.840.10008") for old, _ in report.uids)


def test_an_out_that_is_in_the_way_is_refused(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("1.dcm")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    (tmp_path / "alias").symlink_to(source)
    for target in (source, source / "out", tmp_path / "alias" / "out", tmp_path / "full", source / "1.dcm"):
        with pytest.raises(InputError):
            deidentify_tree(source, target, key=KEY)
    with pytest.raises(InputError, match="no folder"):
        deidentify_tree(tmp_path / "absent", tmp_path / "out", key=KEY)
    assert files(source).keys() == {"1.dcm"}


def test_nothing_unfinished_is_left_behind(plant: Plant, source: Path, tmp_path: Path) -> None:
    plant("1.dcm")
    deidentify_tree(source, tmp_path / "out", key=KEY)
    assert not (tmp_path / "out" / UNFINISHED).exists()


def test_a_full_disk_ends_the_run_and_leaves_whole_files(
    plant: Plant, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant("1.dcm", 1)
    plant("2.dcm", 2)
    rename, seen = os.rename, []

    def full(old: str, new: str) -> None:
        seen.append(new)
        if len(seen) == 2:
            raise OSError(28, "No space left on device")
        rename(old, new)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StorageFull):
        deidentify_tree(source, tmp_path / "out", key=KEY)
    assert list(files(tmp_path / "out")) == ["1.dcm"]
    pydicom.dcmread(tmp_path / "out" / "1.dcm")


def test_the_walk_meets_every_file_once_in_the_order_of_names(source: Path) -> None:
    for number in range(2 * FILES_A_CHUNK + 1):
        (source / f"{number:03}").touch()
    (source / "b" / "c").mkdir(parents=True)
    (source / "b" / "c" / "x").touch()
    (source / "a").mkdir()
    found = [f"{each.folder}/{name}".lstrip("/") for each in chunks(str(source)) for name in each.names]
    assert found == [*(f"{number:03}" for number in range(2 * FILES_A_CHUNK + 1)), "b/c/x"]
    assert max(len(each.names) for each in chunks(str(source))) == FILES_A_CHUNK


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    made = root_key(path)
    assert root_key(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert root_key(None) != root_key(None)
