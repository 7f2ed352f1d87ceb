"""`federim annotate`, as a site gives its PACS what a model found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from typer.testing import Result

from federim.home import Home
from federim.lake.reader import connect_home, query
from federim_pipelines.run import ingest

Federim = Callable[..., Result]
DESCRIPTION = """
algorithm = "lesion-net"
version = "1.2"
[[segments]]
label = "nodule"
category = {scheme = "SCT", value = "49755003", meaning = "Morphologically abnormal structure"}
type = {scheme = "SCT", value = "27925004", meaning = "Nodule"}
"""


@pytest.fixture
def series(site: Home, tmp_path: Path) -> str:
    """An image in the lake, its original beside."""
    (tmp_path / "pacs").mkdir()
    (tmp_path / "pacs" / "1").write_bytes(Path(get_testdata_file("CT_small.dcm")).read_bytes())
    ingest(site, [tmp_path / "pacs"], policy="research")
    with connect_home(site) as connection:
        (row,) = query(
            connection, 'SELECT "SeriesInstanceUID" AS uid FROM image_occurrence', seconds=60
        ).to_pylist()
    return str(row["uid"])


def test_a_segmentation_is_written_for_the_pacs(federim: Federim, series: str, tmp_path: Path) -> None:
    mask = np.zeros((1, 128, 128), np.uint8)
    mask[0, 3:5, 3:5] = 1
    np.save(tmp_path / "mask.npy", mask)
    (tmp_path / "found.toml").write_text(DESCRIPTION)
    words = ("annotate", series, tmp_path / "found.toml", "--originals", tmp_path / "pacs")
    told = federim(*words, "--mask", tmp_path / "mask.npy", "--to", tmp_path / "out", "--json")
    assert json.loads(told.stdout) == {
        "series": series,
        "files": ["segmentation.dcm"],
        "segments": 1,
        "findings": 0,
    }
    original = pydicom.dcmread(tmp_path / "pacs" / "1")
    written = pydicom.dcmread(tmp_path / "out" / "segmentation.dcm")
    assert written.StudyInstanceUID == original.StudyInstanceUID
    said = federim(*words, "--mask", tmp_path / "mask.npy", "--to", tmp_path / "again")
    assert said.stdout.startswith("segmentation.dcm written. They name the patient")
    for identifying in (original.PatientID, original.StudyInstanceUID, original.SeriesInstanceUID):
        assert str(identifying) not in told.stdout + said.stdout
