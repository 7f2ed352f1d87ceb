"""What a model found in a series of the lake goes to the PACS on its original UIDs, and comes back as any."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from federim.audit import trail
from federim.home import Home, Role
from federim.lake.reader import connect_home, query
from federim.model.errors import HomeError, InputError
from federim_pipelines.annotate import Annotated, annotate
from federim_pipelines.originals import originals
from federim_pipelines.run import ingest

SERIES = "1.2.826.0.1.55.3"
SLICES = 4
VOXEL_MM3 = 0.661468**2 * 5.0
DESCRIPTION = """
algorithm = "lesion-net"
version = "1.2"

[[segments]]
label = "nodule"
category = {scheme = "SCT", value = "49755003", meaning = "Morphologically abnormal structure"}
type = {scheme = "SCT", value = "27925004", meaning = "Nodule"}

[[findings]]
tracking = "nodule 1"
segment = 1
finding = {scheme = "SCT", value = "27925004", meaning = "Nodule"}

[[findings.measurements]]
concept = {scheme = "SCT", value = "118565006", meaning = "Volume"}
value = 437.5
unit = "mm3"
"""


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A series of one patient, another patient's image, and what else a folder holds."""
    folder = tmp_path / "pacs"
    folder.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.SeriesInstanceUID = SERIES
    for number in range(SLICES):
        scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = f"{SERIES}.{number}"
        scan.InstanceNumber = number + 1
        scan.ImagePositionPatient = [-158, -179, -75 + 5.0 * number]
        scan.save_as(folder / f"{number}.dcm")
    shutil.copy(get_testdata_file("MR_small.dcm"), folder / "other.dcm")
    (folder / "README.txt").write_text("not an image")
    return folder


@pytest.fixture
def lake(site: Home, scans: Path) -> Home:
    assert ingest(site, [scans], policy="research").accepted == SLICES + 1
    return site


@pytest.fixture
def series(lake: Home) -> str:
    (row,) = select(lake, 'SELECT "SeriesInstanceUID" AS uid FROM image_occurrence WHERE "Modality" = \'CT\'')
    return str(row["uid"])


@pytest.fixture
def description(tmp_path: Path) -> Path:
    path = tmp_path / "description.toml"
    path.write_text(DESCRIPTION)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A nodule of 200 voxels, on the slice nearest the head."""
    made = np.zeros((SLICES, 128, 128), np.uint8)
    made[0, 10:20, 10:30] = 1
    np.save(tmp_path / "mask.npy", made)
    return tmp_path / "mask.npy"


def select(home: Home, sql: str) -> list[dict[str, Any]]:
    with connect_home(home) as connection:
        return query(connection, sql, seconds=60).to_pylist()


def test_the_originals_of_a_series_are_found_by_keying_them_again(
    lake: Home, series: str, scans: Path
) -> None:
    found = originals(lake, series, scans)
    assert {path.name for path in found.values()} == {f"{number}.dcm" for number in range(SLICES)}
    known = select(
        lake, f'SELECT "SOPInstanceUID" AS uid FROM instance WHERE "SeriesInstanceUID" = \'{series}\''
    )
    assert found.keys() == {row["uid"] for row in known}


def test_a_missing_original_is_counted(lake: Home, series: str, scans: Path) -> None:
    (scans / "2.dcm").unlink()
    with pytest.raises(InputError, match="1 of its 4 instances"):
        originals(lake, series, scans)


def test_the_originals_of_another_site_are_none(lake: Home, series: str, scans: Path, make_home: Any) -> None:
    other = make_home("beta")
    with pytest.raises(InputError, match="no series of this SeriesInstanceUID"):
        originals(other, series, scans)


def test_there_and_back(
    lake: Home, series: str, scans: Path, description: Path, mask: Path, tmp_path: Path
) -> None:
    """What is written names the originals; ingested, it is about the series it began with."""
    to = tmp_path / "to-pacs"
    done = annotate(lake, series, description, originals_in=scans, to=to, mask=mask, actor="ada")
    assert done == Annotated(series, ("segmentation.dcm", "report.dcm"), segments=1, findings=1)
    drawn = pydicom.dcmread(to / "segmentation.dcm")
    assert drawn.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    assert drawn.PatientID == pydicom.dcmread(scans / "0.dcm").PatientID
    assert [path.stat().st_mode & 0o777 for path in sorted(to.iterdir())] == [0o400, 0o400]

    assert ingest(lake, [to], policy="research").accepted == 2
    (segment,) = select(lake, "FROM segment")
    assert segment["source_SeriesInstanceUID"] == series
    assert segment["voxel_count"] == 200
    assert segment["volume_mm3"] == pytest.approx(200 * VOXEL_MM3, rel=1e-5)
    (feature,) = select(lake, "FROM image_feature")
    assert (feature["value_as_number"], feature["unit_source_value"]) == (437.5, "mm3")
    assert feature["SeriesInstanceUID"] == series
    assert feature["TrackingUID"] == segment["TrackingUID"]
    (persons,) = select(lake, "SELECT count(*) AS n FROM person")
    assert persons["n"] == 2


def test_the_trail_tells_the_series_by_its_digest_alone(
    lake: Home, series: str, scans: Path, description: Path, mask: Path, tmp_path: Path
) -> None:
    annotate(lake, series, description, originals_in=scans, to=tmp_path / "out", mask=mask, actor="ada")
    (event,) = trail.events(lake, act="annotations.write")
    told = {"series": trail.digest(lake, series), "segments": 1, "findings": 1}
    assert (event.actor, event.detail) == ("ada", told)
    assert series not in str(event.detail)


def test_nothing_that_names_a_patient_is_written_into_the_home(
    lake: Home, series: str, scans: Path, description: Path, mask: Path
) -> None:
    with pytest.raises(InputError, match="within the home"):
        annotate(lake, series, description, originals_in=scans, to=lake.root / "out", mask=mask, actor="ada")
    assert not (lake.root / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(
    lake: Home, series: str, scans: Path, description: Path, mask: Path
) -> None:
    with pytest.raises(InputError, match="holds something already"):
        annotate(lake, series, description, originals_in=scans, to=scans, mask=mask, actor="ada")


def test_segments_need_a_mask_and_a_mask_segments(
    lake: Home, series: str, scans: Path, description: Path, mask: Path, tmp_path: Path
) -> None:
    told: dict[str, Any] = {"originals_in": scans, "to": tmp_path / "out", "actor": "ada"}
    with pytest.raises(InputError, match="expected --mask"):
        annotate(lake, series, description, **told)
    findings_alone = DESCRIPTION[: DESCRIPTION.index("[[segments]]")] + DESCRIPTION[
        DESCRIPTION.index("[[findings]]") :
    ].replace("segment = 1\n", "")
    description.write_text(findings_alone)
    with pytest.raises(InputError, match="no segment described"):
        annotate(lake, series, description, mask=mask, **told)
    assert annotate(lake, series, description, **told).files == ("report.dcm",)


def test_a_mask_that_is_no_array_is_refused_and_nothing_is_written(
    lake: Home, series: str, scans: Path, description: Path, tmp_path: Path
) -> None:
    no_array = tmp_path / "mask.npy"
    np.save(no_array, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError, match=r"expected a \.npy file"):
        annotate(
            lake, series, description, originals_in=scans, to=tmp_path / "out", mask=no_array, actor="ada"
        )
    assert not (tmp_path / "out").exists()
    assert trail.events(lake, act="annotations.write") == []


def test_only_a_site_has_originals(make_home: Any, scans: Path, description: Path, tmp_path: Path) -> None:
    hub = make_home("hub", Role.HUB)
    with pytest.raises(HomeError):
        annotate(hub, "2.25.1", description, originals_in=scans, to=tmp_path / "out", actor="ada")
