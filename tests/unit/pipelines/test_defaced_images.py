"""A site's defaced version takes the place of its series: pixels from the tool, all else from the lake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from federim.audit import trail
from federim.home import Home
from federim.lake import faces, snapshot
from federim.lake.reader import connect_home, query
from federim.model.errors import InputError
from federim_pipelines.defaced import export_series, replace_series
from federim_pipelines.defaced_instance import Unlike, with_pixels_of
from federim_pipelines.run import ingest

SLICES = 3


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """A head CT of three slices."""
    folder = tmp_path / "head"
    folder.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.BodyPartExamined = "HEAD"
    scan.SeriesInstanceUID = "1.2.3"
    for number in range(SLICES):
        scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        scan.InstanceNumber = number + 1
        scan.ImagePositionPatient = [-158, -179, -75 + 5.0 * number]
        scan.save_as(folder / str(number))
    return folder


@pytest.fixture
def lake(site: Home, head: Path) -> Home:
    """A site whose lake holds the head."""
    ingest(site, [head], policy="research")
    return site


def select(home: Home, sql: str) -> list[dict[str, Any]]:
    with connect_home(home) as connection:
        return query(connection, sql, seconds=60).to_pylist()


def held(home: Home) -> frozenset[str]:
    with connect_home(home) as connection:
        return faces.held(connection, seconds=60)


def the_series(home: Home) -> str:
    (row,) = select(home, 'SELECT "SeriesInstanceUID" AS uid FROM image_occurrence')
    return str(row["uid"])


def objects(home: Home) -> set[str]:
    return {path.name for path in home.objects.rglob("*.dcm")}


def without_face(scan: Dataset) -> None:
    """What a tool does: it blanks a corner, and writes a header of its own liking."""
    pixels = scan.pixel_array.copy()
    pixels[:40, :40] = -1000
    scan.PixelData = pixels.tobytes()
    scan.PatientName, scan.SeriesDescription = "TOOL^ADDED", "DEFACED by Dupont"
    scan.PixelSpacing = [f"{float(step):.6f}" for step in scan.PixelSpacing]


def deface(folder: Path, change: Callable[[Dataset], None] = without_face, *, only: int = SLICES) -> None:
    for path in sorted(folder.iterdir())[:only]:
        scan = pydicom.dcmread(path)
        change(scan)
        path.unlink()
        scan.save_as(path)


@pytest.fixture
def exported(lake: Home, tmp_path: Path) -> Path:
    folder = tmp_path / "exported"
    assert export_series(lake, the_series(lake), folder, actor="ada") == SLICES
    return folder


def test_a_head_is_held_until_its_defaced_version_is_there(lake: Home, exported: Path) -> None:
    assert held(lake) == {the_series(lake)}
    before, row = objects(lake), select(lake, "SELECT * FROM image_occurrence")[0]
    headers = {
        scan.SOPInstanceUID: scan for scan in map(pydicom.dcmread, sorted(lake.objects.rglob("*.dcm")))
    }
    deface(exported)
    (done,) = replace_series(lake, exported, actor="ada")
    assert (done.series, done.instances, done.changed) == (the_series(lake), SLICES, SLICES)
    assert held(lake) == frozenset()
    assert len(objects(lake)) == SLICES
    assert not objects(lake) & before
    for stored in select(lake, "SELECT * FROM instance_file"):
        scan = pydicom.dcmread(lake.objects / stored["path"])
        own = headers[stored["SOPInstanceUID"]]
        assert (scan.pixel_array[:40, :40] == -1000).all()
        assert (scan.pixel_array[40:] == own.pixel_array[40:]).all()
        assert scan.RecognizableVisualFeatures == "NO"
        assert "113102" in [code.CodeValue for code in scan.DeidentificationMethodCodeSequence]
        for dataset in (scan, own):
            for keyword in ("PixelData", "RecognizableVisualFeatures", "DeidentificationMethodCodeSequence"):
                del dataset[keyword]
        assert scan == own
        assert scan.file_meta == own.file_meta
    sizes = sum(path.stat().st_size for path in lake.objects.rglob("*.dcm"))
    assert select(lake, "SELECT * FROM image_occurrence") == [
        {**row, "RecognizableVisualFeatures": "NO", "SizeBytes": sizes}
    ]
    assert [event.act for event in trail.events(lake, act="images")] == ["images.replace", "images.export"]


def test_reading_the_original_again_brings_no_face_back(lake: Home, exported: Path, head: Path) -> None:
    deface(exported)
    replace_series(lake, exported, actor="ada")
    defaced = objects(lake)
    report = ingest(lake, [head], policy="research")
    assert (report.duplicates, report.accepted, report.quarantined) == (SLICES, 0, 0)
    assert objects(lake) == defaced
    assert held(lake) == frozenset()


def test_what_a_snapshot_pins_stays_until_it_goes(lake: Home, exported: Path, head: Path) -> None:
    (lake.cohorts / "heads.toml").write_text('[[series]]\nModality = "CT"\n')
    frozen = snapshot.freeze(lake, "heads")
    pinned = objects(lake)
    deface(exported)
    replace_series(lake, exported, actor="ada")
    assert objects(lake) > pinned
    with snapshot.connect(lake, frozen) as connection:
        paths = query(connection, "SELECT path FROM instance_file", seconds=60)["path"].to_pylist()
        assert faces.held(connection, seconds=60)
    assert all((lake.objects / path).is_file() for path in paths)
    shutil.rmtree(lake.snapshots / frozen.id)
    ingest(lake, [head], policy="research")
    assert not objects(lake) & pinned


def test_defacing_once_more_replaces_the_first_version(lake: Home, exported: Path, tmp_path: Path) -> None:
    deface(exported)
    replace_series(lake, exported, actor="ada")
    first = objects(lake)

    def more(scan: Dataset) -> None:
        pixels = scan.pixel_array.copy()
        pixels[-40:] = -1000
        scan.PixelData = pixels.tobytes()

    # A tool finds nothing to change in two of the slices: they stay the very same files.
    export_series(lake, the_series(lake), tmp_path / "again", actor="ada")
    deface(tmp_path / "again", more, only=1)
    (done,) = replace_series(lake, tmp_path / "again", actor="ada")
    assert (done.instances, done.changed) == (SLICES, 1)
    assert len(objects(lake)) == SLICES
    assert len(objects(lake) & first) == SLICES - 1


def moved(scan: Dataset) -> None:
    scan.ImagePositionPatient = [0, 0, 0]


def resampled(scan: Dataset) -> None:
    scan.PixelSpacing = [2, 2]


def turned(scan: Dataset) -> None:
    scan.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


def rescaled(scan: Dataset) -> None:
    scan.RescaleIntercept = 0


def cropped(scan: Dataset) -> None:
    scan.PixelData = scan.pixel_array[:64].tobytes()
    scan.Rows = 64


def elsewhere(scan: Dataset) -> None:
    scan.FrameOfReferenceUID = "1.2.9"


def of_another_class(scan: Dataset) -> None:
    scan.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"


def eight_bits(scan: Dataset) -> None:
    scan.PixelData = bytes(128 * 128)
    scan.BitsAllocated = scan.BitsStored = 8
    scan.HighBit = 7


def short(scan: Dataset) -> None:
    scan.PixelData = scan.PixelData[:1000]


def of_nobody(scan: Dataset) -> None:
    scan.SOPInstanceUID = "1.2.9"


def untouched(scan: Dataset) -> None:
    scan.PatientName = "TOOL^ADDED"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (moved, "ImagePositionPatient: differs"),
        (resampled, "PixelSpacing: differs"),
        (turned, "ImageOrientationPatient: differs"),
        (rescaled, "RescaleIntercept: differs"),
        (cropped, "Rows: differs"),
        (elsewhere, "FrameOfReferenceUID: differs"),
        (of_another_class, "SOPClassUID: differs"),
        (eight_bits, "BitsAllocated: differs"),
        (short, "PixelData cannot be decoded"),
        (of_nobody, "of no instance of this lake"),
        (untouched, "no pixel differs"),
    ],
)
def test_what_is_no_defaced_version_changes_nothing(
    lake: Home, exported: Path, change: Callable[[Dataset], None], says: str
) -> None:
    before, rows = objects(lake), select(lake, "SELECT * FROM instance_file ORDER BY ALL")
    deface(exported)
    deface(exported, change, only=SLICES if change is untouched else 1)
    if change is untouched:
        shutil.rmtree(exported)
        export_series(lake, the_series(lake), exported, actor="ada")
        deface(exported, untouched)
    with pytest.raises(InputError, match=says) as refused:
        replace_series(lake, exported, actor="ada")
    assert "Dupont" not in str(refused.value)
    assert "TOOL" not in str(refused.value)
    assert objects(lake) == before
    assert select(lake, "SELECT * FROM instance_file ORDER BY ALL") == rows
    assert held(lake) == {the_series(lake)}
    assert trail.events(lake, act="images.replace") == []


def test_a_series_is_given_whole_and_once(lake: Home, exported: Path) -> None:
    deface(exported)
    first, second, _ = sorted(exported.iterdir())
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(InputError, match="2 of its 3 instances are given"):
        replace_series(lake, exported, actor="ada")
    second.write_bytes(kept)
    (exported / "twice.dcm").write_bytes(first.read_bytes())
    with pytest.raises(InputError, match="of the same instance as one before it"):
        replace_series(lake, exported, actor="ada")
    (exported / "twice.dcm").write_bytes(b"Dupont")
    with pytest.raises(InputError, match="file 4 of the folder, by name, is no DICOM image"):
        replace_series(lake, exported, actor="ada")


def test_a_folder_without_files_and_an_unknown_series_are_said(lake: Home, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        replace_series(lake, tmp_path / "empty", actor="ada")
    with pytest.raises(InputError, match="the lake has no series"):
        export_series(lake, "2.25.1", tmp_path / "out", actor="ada")
    with pytest.raises(InputError, match="holds something already"):
        export_series(lake, the_series(lake), lake.root, actor="ada")


def test_a_compressed_object_becomes_uncompressed_and_keeps_its_pixels_elsewhere() -> None:
    own = pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm"))
    tool = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    assert own.file_meta.TransferSyntaxUID == RLELossless
    pixels = tool.pixel_array.copy()
    pixels[:10] = 0
    tool.PixelData = pixels.tobytes()
    expected = own.pixel_array.copy()
    content, differs = with_pixels_of(own, tool)
    read = pydicom.dcmread(BytesIO(content))
    assert differs
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (read.pixel_array[:10] == 0).all()
    assert (read.pixel_array[10:] == expected[10:]).all()


def test_an_implicit_object_stays_implicit() -> None:
    own, tool = (pydicom.dcmread(get_testdata_file("MR_small_implicit.dcm")) for _ in range(2))
    tool.PixelData = bytes(len(tool.PixelData))
    content, differs = with_pixels_of(own, tool)
    read = pydicom.dcmread(BytesIO(content))
    assert differs
    assert read.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert not read.pixel_array.any()


def frames(*heights: float) -> Dataset:
    """An image of several frames, each at its own height in mm."""
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.NumberOfFrames = len(heights)
    scan.PixelData = scan.PixelData * len(heights)
    scan.PerFrameFunctionalGroupsSequence = []
    for height in heights:
        group, plane = Dataset(), Dataset()
        plane.ImagePositionPatient = [0, 0, height]
        group.PlanePositionSequence = [plane]
        scan.PerFrameFunctionalGroupsSequence.append(group)
    return scan


def test_every_frame_of_an_image_lies_where_it_lay() -> None:
    tool = frames(0, 5)
    tool.PixelData = bytes(len(tool.PixelData))
    content, differs = with_pixels_of(frames(0, 5), tool)
    assert differs
    assert not pydicom.dcmread(BytesIO(content)).pixel_array.any()
    with pytest.raises(Unlike, match=r"ImagePositionPatient of PlanePositionSequence, PerFrame.* item 2"):
        with_pixels_of(frames(0, 6), tool)
    with pytest.raises(Unlike, match="NumberOfFrames"):
        with_pixels_of(frames(0, 5, 10), tool)
    del tool.PerFrameFunctionalGroupsSequence[1]
    with pytest.raises(Unlike, match="PerFrameFunctionalGroupsSequence: its number of items"):
        with_pixels_of(frames(0, 5), tool)


def test_colour_is_not_replaced() -> None:
    path = get_testdata_file("examples_rgb_color.dcm")
    with pytest.raises(Unlike, match="only grey images"):
        with_pixels_of(pydicom.dcmread(path), pydicom.dcmread(path))


def test_a_picture_of_the_pixels_before_goes() -> None:
    own, tool = (pydicom.dcmread(get_testdata_file("CT_small.dcm")) for _ in range(2))
    own.IconImageSequence = [Dataset()]
    with_pixels_of(own, tool)
    assert "IconImageSequence" not in own
