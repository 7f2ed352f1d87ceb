"""Series that may show a face reach no model, unless the plan that everybody signed says why they must."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake import snapshot
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake
from federim.model.errors import InputError
from federim.model.identifiers import SiteName
from federim.model.training import Bounds, Label, LabelTable, Preprocessing, SnapshotPin, Task, TrainingPlan
from federim_federated import volumes
from federim_pipelines.defaced import export_series, replace_series
from federim_pipelines.run import ingest

PARTS = ("HEAD", "CHEST")


@pytest.fixture
def two_scans(site: Home, tmp_path: Path) -> Home:
    """A site with a head and a chest, of two persons who both have a label."""
    folder = tmp_path / "scans"
    folder.mkdir()
    scan = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    scan.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for part in PARTS:
        scan.BodyPartExamined, scan.PatientID = part, f"patient-{len(part)}"
        scan.SeriesInstanceUID = scan.StudyInstanceUID = f"1.2.{len(part)}"
        for number in range(4):
            uid = f"{scan.SeriesInstanceUID}.{number}"
            scan.SOPInstanceUID = scan.file_meta.MediaStorageSOPInstanceUID = uid
            scan.InstanceNumber = number + 1
            scan.ImagePositionPatient = [0, 0, 5.0 * number]
            scan.save_as(folder / uid)
    ingest(site, [folder], policy="research")
    with connect_home(site) as connection:
        persons = query(connection, "SELECT person_id FROM person", seconds=60)["person_id"].to_pylist()
    diagnoses = [
        {
            "person_id": person,
            "condition_occurrence_id": person,
            "condition_concept_id": 0,
            "condition_source_value": "C34.1",
            "condition_start_date": dt.date(2024, 3, 2),
        }
        for person in persons
    ]
    with Lake(site).writing() as writer:
        writer.commit({"condition_occurrence": diagnoses}, {})
    return site


def plan_over(home: Home, **changes: Any) -> TrainingPlan:
    """A plan on the site's CT, as they are now."""
    (home.cohorts / "scans.toml").write_text('[[series]]\nModality = "CT"\n')
    pin = SnapshotPin(site=home.name, sha256=snapshot.freeze(home, "scans").sha256)
    return TrainingPlan(
        name="lesion",
        project="lesions",
        hub="hub",
        purpose="Tell a lesion.",
        task=Task.IMAGE,
        cohort="scans",
        sites=(pin, SnapshotPin(site=SiteName("beta"), sha256="0" * 64)),
        minimum_sites=2,
        label=Label(table=LabelTable.CONDITION, code="C34.1"),
        preprocessing=Preprocessing(
            modality="CT", size=(8, 16, 16), spacing_mm=(5.0, 2.0, 2.0), window=(-1000.0, 400.0)
        ),
        rounds=1,
        learning_rate=Bounds(lowest=0.1, highest=1.0, default=0.5),
        local_epochs=Bounds(lowest=1, highest=1, default=1),
        test_fraction=0.3,
        minimum_cohort=10,
        norm_bound=1.0,
        seed=1,
        expires=dt.date(2030, 1, 1),
        app_sha256="0" * 64,
        messages=(),
        **changes,
    )


def test_a_head_is_left_out_and_the_site_is_told(two_scans: Home, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(volumes.read(two_scans, plan_over(two_scans)).inputs) == 1
    assert "1 of 2 series may show a face" in caplog.text


def test_a_plan_may_exempt_faces(two_scans: Home) -> None:
    plan = plan_over(two_scans, faces="exempt", faces_reason="Orbits are studied.")
    assert len(volumes.read(two_scans, plan).inputs) == 2


def test_a_defaced_head_is_trained_on_once_the_cohort_is_frozen_again(
    two_scans: Home, tmp_path: Path
) -> None:
    before = plan_over(two_scans)
    with connect_home(two_scans) as connection:
        (head,) = query(
            connection,
            'SELECT "SeriesInstanceUID" FROM image_occurrence WHERE "BodyPartExamined" = \'HEAD\'',
            seconds=60,
        )["SeriesInstanceUID"].to_pylist()
    export_series(two_scans, head, tmp_path / "head", actor="ada")
    for path in (tmp_path / "head").iterdir():
        scan = pydicom.dcmread(path)
        scan.PixelData = np.zeros_like(scan.pixel_array).tobytes()
        path.unlink()
        scan.save_as(path)
    replace_series(two_scans, tmp_path / "head", actor="ada")
    assert len(volumes.read(two_scans, before).inputs) == 1
    assert len(volumes.read(two_scans, plan_over(two_scans)).inputs) == 2


def test_a_cohort_of_faces_alone_cannot_be_trained_on(two_scans: Home) -> None:
    with Lake(two_scans).writing() as writer, connect_home(two_scans) as connection:
        rows = query(connection, "SELECT * FROM image_occurrence", seconds=60).to_pylist()
        writer.replace(
            {"image_occurrence": [{**row, "RecognizableVisualFeatures": "YES"} for row in rows]}, dropped=()
        )
    with pytest.raises(InputError, match="a volume with a label and no face"):
        volumes.read(two_scans, plan_over(two_scans))
