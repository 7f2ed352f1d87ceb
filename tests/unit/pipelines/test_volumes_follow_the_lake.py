"""The geometry of a series is that of the instances in the lake, however they came and went."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian

from federim.home import Home
from federim.lake import images
from federim.lake.check import faults
from federim.lake.declared.imaging import VOLUME_GEOMETRY
from federim.lake.tables import Lake
from federim_pipelines.extract.frames import PLACE_COLUMNS
from federim_pipelines.items import Record
from federim_pipelines.volumes import records_for, stale

PERSON = {"person_id": "5eed" * 8}
CT = "1.2.840.10008.5.1.4.1.1.2"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

AddSlices = Callable[..., None]


def uid(number: int) -> str:
    return f"2.25.{number}"


@pytest.fixture
def add_slices(site: Home) -> AddSlices:
    """Put CT slices of a series into the lake, as an ingest would, at these heights in mm."""

    def build(series: int, heights: Iterable[float], *, path: str = "none", **columns: Any) -> None:
        rows: dict[str, list[dict[str, Any]]] = {"instance": [], "instance_file": []}
        for height in heights:
            number = series * 1000 + int(10 * height) + 1
            names = PERSON | {"SeriesInstanceUID": uid(series), "SOPInstanceUID": uid(number)}
            place = dict(zip(PLACE_COLUMNS, (0.0, 0.0, height, *AXIAL, 0.5, 0.5, 64, 64), strict=True))
            instance = {
                "StudyInstanceUID": uid(1),
                "SOPClassUID": CT,
                "NumberOfFrames": 1,
                "TransferSyntaxUID": str(ExplicitVRLittleEndian),
            }
            rows["instance"].append(names | instance | place | columns)
            rows["instance_file"].append(names | {"sha256": "0" * 64, "path": path, "size": 1})
        with Lake(site).writing() as writer:
            writer.commit(rows, {})

    return build


def enter(home: Home, records: Iterable[Record]) -> None:
    """What intake does with rows that are new."""
    with Lake(home).writing() as writer:
        for record in records:
            writer.commit({name: [row] for name, row in record.rows}, {})


def geometry_of(record: Record) -> dict[str, Any]:
    [(table, row)] = record.rows
    assert table == "volume_geometry" and faults(VOLUME_GEOMETRY, [row]) == {}
    return row


def test_series_of_placed_slices_are_measured_and_no_others(site: Home, add_slices: AddSlices) -> None:
    add_slices(1, [0, 1, 2, 3])
    add_slices(2, [0, 1, 2, 4, 5])
    add_slices(3, [0], ImagePositionX=None)  # an ultrasound image, placed nowhere
    add_slices(4, [0], NumberOfFrames=None)  # a report, which has no frame
    assert stale(site) == [uid(1), uid(2)]
    regular, gap = map(geometry_of, records_for(site, stale(site)))
    assert (regular["SeriesInstanceUID"], regular["slices"], regular["regular"]) == (uid(1), 4, True)
    assert [regular[f"affine_0{column}"] for column in range(4)] == [0.5, 0, 0, 0]
    assert [regular[f"affine_2{column}"] for column in range(4)] == [0, 0, 1, 0]
    assert (gap["slices"], gap["regular"], gap["missing_slices"]) == (5, False, 1)
    assert gap["affine_00"] is None and regular["person_id"] == PERSON["person_id"]


def test_what_was_measured_is_measured_again_once_the_series_has_grown(
    site: Home, add_slices: AddSlices
) -> None:
    add_slices(1, [0, 2])
    [first] = records_for(site, stale(site))
    enter(site, [first])
    assert stale(site) == []
    add_slices(1, [1])
    assert stale(site) == [uid(1)]
    [second] = records_for(site, [uid(1)])
    assert (geometry_of(first)["spacing_mm"], geometry_of(second)["spacing_mm"]) == (2, 1)
    assert first.key == second.key and first.content != second.content
    assert first.version is not None and second.version is not None and first.version < second.version


def test_measuring_again_what_is_the_same_gives_the_same_content(site: Home, add_slices: AddSlices) -> None:
    add_slices(1, [0, 1])
    assert list(records_for(site, [uid(1)])) == list(records_for(site, [uid(1), uid(1)]))


def test_a_series_whose_slices_are_gone_loses_its_geometry(site: Home, add_slices: AddSlices) -> None:
    add_slices(1, [0, 1])
    enter(site, records_for(site, stale(site)))
    gone = [PERSON | {"SOPInstanceUID": uid(1000 + 10 * height + 1)} for height in (0, 1)]
    with Lake(site).writing() as writer:
        writer.replace({}, gone={"instance": gone, "instance_file": gone}, dropped=())
    assert stale(site) == [uid(1)]
    [withdrawn] = records_for(site, stale(site))
    assert withdrawn.rows == () and withdrawn.version is not None


def enhanced(frames: int, *, placed: bool = True) -> bytes:
    """The header of an enhanced MR, its frames 3 mm apart."""
    image, shared, orientation, measures = Dataset(), Dataset(), Dataset(), Dataset()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = EnhancedMRImageStorage, "2.25.9"
    image.Rows, image.Columns, image.NumberOfFrames = 64, 64, frames
    orientation.ImageOrientationPatient, measures.PixelSpacing = list(AXIAL), [0.5, 0.5]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for number in range(frames):
        group, plane = Dataset(), Dataset()
        plane.ImagePositionPatient = [0, 0, 3 * number]
        group.PlanePositionSequence = [plane]
        groups.append(group if placed or not number else Dataset())
    image.PerFrameFunctionalGroupsSequence = groups
    written = DicomBytesIO()
    image.save_as(written, enforce_file_format=True)
    return written.getvalue()


def test_frames_of_an_enhanced_object_are_slices(site: Home, add_slices: AddSlices) -> None:
    stored = images.store(site, enhanced(7))
    add_slices(1, [0], path=stored.path, NumberOfFrames=7)
    [record] = records_for(site, stale(site))
    row = geometry_of(record)
    assert (row["slices"], row["regular"], row["spacing_mm"]) == (7, True, 3)
    enter(site, [record])
    assert stale(site) == []


def test_frames_that_nobody_placed_are_counted_once_and_not_measured_for_ever(
    site: Home, add_slices: AddSlices
) -> None:
    stored = images.store(site, enhanced(7, placed=False))
    add_slices(1, [0], path=stored.path, NumberOfFrames=9)  # and two more than there are groups
    [record] = records_for(site, stale(site))
    assert (geometry_of(record)["slices"], geometry_of(record)["regular"]) == (9, False)
    enter(site, [record])
    assert stale(site) == []


def test_many_series_are_measured_a_share_at_a_time(
    site: Home, add_slices: AddSlices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federim_pipelines.volumes.SERIES_AT_A_TIME", 2)
    for series in range(1, 6):
        add_slices(series, np.arange(series + 1) * 1.0)
    rows = [geometry_of(record) for record in records_for(site, stale(site))]
    assert [(row["SeriesInstanceUID"], row["slices"]) for row in rows] == [
        (uid(series), series + 1) for series in range(1, 6)
    ]
