"""A real PACS files what a model found with the examination it was found in, and lets others read it."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.annotate import annotate
from federim_pipelines.run import ingest

if TYPE_CHECKING:
    from orthanc_server import Orthanc

pytestmark = pytest.mark.integration

SERIES = "1.2.826.0.1.77.3"
NODULE = '{scheme = "SCT", value = "27925004", meaning = "Nodule"}'
DESCRIPTION = f"""
algorithm = "lesion-net"
version = "1.2"
[[segments]]
label = "nodule"
category = {NODULE}
type = {NODULE}
[[findings]]
tracking = "nodule 1"
segment = 1
finding = {NODULE}
[[findings.measurements]]
concept = {{scheme = "SCT", value = "118565006", meaning = "Volume"}}
value = 437.5
unit = "mm3"
"""


def test_orthanc_files_them_in_the_study_of_the_originals(
    make_home: Callable[..., Home], tmp_path: Path, orthanc: Orthanc
) -> None:
    home = make_home()
    raw = tmp_path / "raw"
    raw.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.SeriesInstanceUID, scan.StudyInstanceUID = SERIES, f"{SERIES}.1"
    for number in range(3):
        scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.9.{number}"
        scan.ImagePositionPatient = [-158, -179, -75 + 5.0 * number]
        scan.save_as(raw / str(number))
    assert ingest(home, [raw]).accepted == 3
    stored = [orthanc.call("/instances", path.read_bytes()) for path in raw.iterdir()]
    with connect_home(home) as connection:
        series = query(
            connection, 'SELECT "SeriesInstanceUID" AS uid FROM image_occurrence', seconds=60
        ).to_pylist()
    mask = np.zeros((3, 128, 128), np.uint8)
    mask[1, 10:20, 10:30] = 1
    np.save(tmp_path / "mask.npy", mask)
    (tmp_path / "found.toml").write_text(DESCRIPTION)
    annotate(
        home,
        series[0]["uid"],
        tmp_path / "found.toml",
        originals_in=raw,
        to=tmp_path / "out",
        mask=tmp_path / "mask.npy",
        actor="ada",
    )

    answers = {
        path.name: orthanc.call("/instances", path.read_bytes()) for path in (tmp_path / "out").iterdir()
    }
    assert {answer["ParentStudy"] for answer in answers.values()} == {stored[0]["ParentStudy"]}
    assert {answer["ParentPatient"] for answer in answers.values()} == {stored[0]["ParentPatient"]}
    study = orthanc.call(f"/studies/{stored[0]['ParentStudy']}/series")
    assert sorted(one["MainDicomTags"]["Modality"] for one in study) == ["CT", "SEG", "SR"]
    address = f"{orthanc.url}/instances/{answers['segmentation.dcm']['ID']}/file"
    with urllib.request.urlopen(address, timeout=20) as answer:
        drawn = hd.seg.segread(BytesIO(answer.read()))
    shown = drawn.get_pixels_by_source_instance([f"{SERIES}.9.1"], combine_segments=True)
    assert np.array_equal(shown[0], mask[1])
