"""A site whose patients each have a small CT, which a plan would decode."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pydicom
from clinical_messages import Someone
from pydicom.data import get_testdata_file

from federim.home import Home
from federim.lake import snapshot
from federim.model.identifiers import SiteName
from federim.model.training import (
    EXEMPT,
    Bounds,
    Label,
    LabelTable,
    Preprocessing,
    SnapshotPin,
    Task,
    TrainingPlan,
)

COHORT = "scanned"
SLICES = 8


def write_series(folder: Path, someone: Someone) -> Path:
    """Eight slices of noise on a real scanner's header, named by the hospital's number alone."""
    header = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    header.remove_private_tags()
    number = int(someone.ipp[4:])
    study = f"1.2.826.0.1.3680043.10.88.{number}"
    header.PatientID, header.PatientBirthDate = someone.ipp, f"{someone.birth:%Y%m%d}"
    header.PatientSex, header.PatientName = someone.sex, f"{someone.family}^Ada"
    header.pop("IssuerOfPatientID", None)
    header.StudyDate = "20240520"
    header.StudyInstanceUID, header.SeriesInstanceUID = study, f"{study}.1"
    header.Rows = header.Columns = 32
    header.PixelSpacing = [2, 2]
    draw = np.random.default_rng(number)
    folder.mkdir(parents=True, exist_ok=True)
    for each in range(SLICES):
        uid = f"{study}.1.{each + 1}"
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
        header.InstanceNumber = each + 1
        header.ImagePositionPatient = [0, 0, 5.0 * each]
        header.PixelData = draw.integers(0, 1400, (32, 32)).astype(np.int16).tobytes()
        header.save_as(folder / f"{uid}.dcm")
    return folder


def freeze(home: Home) -> snapshot.Snapshot:
    """Everybody who has a CT."""
    (home.cohorts / f"{COHORT}.toml").write_text('[series]\nModality = "CT"\n')
    return snapshot.freeze(home, COHORT)


def plan_on(frozen: snapshot.Snapshot, site: str = "alpha") -> TrainingPlan:
    """A plan that nobody signed: only the gate asks for that."""
    return TrainingPlan(
        name="noise",
        project="noise",
        hub="hub",
        purpose="Decode.",
        task=Task.IMAGE,
        cohort=COHORT,
        sites=(
            SnapshotPin(site=SiteName(site), sha256=frozen.sha256),
            SnapshotPin(site=SiteName("other"), sha256="0" * 64),
        ),
        minimum_sites=2,
        label=Label(table=LabelTable.CONDITION, code="C34.9"),
        preprocessing=Preprocessing(
            modality="CT", size=(8, 16, 16), spacing_mm=(5.0, 4.0, 4.0), window=(-1000.0, 400.0)
        ),
        faces=EXEMPT,
        faces_reason="noise has none",
        rounds=1,
        learning_rate=Bounds(lowest=0.1, highest=0.1, default=0.1),
        local_epochs=Bounds(lowest=1, highest=1, default=1),
        test_fraction=0.5,
        minimum_cohort=10,
        norm_bound=1.0,
        seed=0,
        expires=dt.date(2099, 1, 1),
        app_sha256="0" * 64,
        messages=(),
    )
