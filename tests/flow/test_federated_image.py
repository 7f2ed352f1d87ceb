"""Three hospitals with three scanners learn to see a lesion; no image moves."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from federim.cli.main import app
from federim.database import migrate
from federim.home import Home, Role
from federim.lake import images, snapshot
from federim.model.errors import HomeError
from federim.trust.roots import TrustKind
from federim_federated import plan, plan_store, project_key, project_sites, run, site_data
from federim_pipelines.run import ingest

pytest.importorskip("torch", reason="the image task needs the extra `train`")

PATIENTS = 30
SCANNERS = {"nord": (6.0, 0.0), "sud": (7.5, 60.0), "ouest": (10.0, -60.0)}  # slice distance in mm, HU offset

MAPPING = """
[[file]]
pattern = "diagnoses.csv"
[file.person]
key = "IPP"
sex = { column = "sex", male = ["M"], female = ["F"] }
[file.date]
day = 2024-05-01
[[file.condition]]
column = "lesion"
present = ["1"]
code = "C34.9"
"""

PLAN = """
name = "lesion"
project = "lung"
purpose = "Learn to see a lesion without moving an image."
task = "image"
cohort = "scanned"
minimum_sites = 2
minimum_cohort = 10
rounds = 5
test_fraction = 0.5
norm_bound = 100.0
seed = 3
learning_rate = { lowest = 0.0001, highest = 0.01, default = 0.004 }
local_epochs = { lowest = 1, highest = 5, default = 3 }
label = { table = "condition_occurrence", code = "C34.9" }
preprocessing = { modality = "CT", size = [12, 32, 32], spacing_mm = [5, 2, 2], window = [-1000, 400] }
"""


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[Home]]:
    """A hub, and three sites that have ingested their images and agreed to the plan."""
    folder = tmp_path_factory.mktemp("imaging")
    hub = _home(folder, "hub", Role.HUB)
    sites = []
    (folder / "diagnoses.toml").write_text(MAPPING)
    for name, (distance, offset) in SCANNERS.items():
        site = _home(folder, name, Role.SITE)
        site.trust("hub", hub.own_key.public, TrustKind.HUB)
        hub.trust(site.name, site.own_key.public, TrustKind.SITE, sealing=site.own_key.sealing)
        write_hospital(folder / f"{name}-export", distance, offset)
        report = ingest(site, [folder / f"{name}-export"], mapping=folder / "diagnoses.toml")
        assert report.quarantined == 0
        (site.cohorts / "scanned.toml").write_text('[series]\nModality = "CT"\n')
        sites.append(site)
    pins = "".join(f'{site.name} = "{snapshot.freeze(site, "scanned").sha256}"\n' for site in sites)
    last_day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    (folder / "lesion.toml").write_text(f"{PLAN}expires = {last_day}\n[sites]\n{pins}")
    plan.draft(hub, folder / "lesion.toml")
    signed = plan.sign(hub, "lesion", actor="committee")
    for site in sites:
        project_key.install(site, project_sites.seal(hub, "lung", site.name, actor="committee"))
        plan.countersign(site, signed, actor="officer")
    return hub, sites


def test_a_sites_volumes_are_on_the_plans_grid_whatever_its_scanner(homes):
    hub, sites = homes
    agreed = plan_store.load(hub, "lesion").plan
    for site in sites:
        data = site_data.load(site, agreed)
        assert data.train.inputs.shape[1:] == (12, 32, 32)
        assert data.train.inputs.dtype == np.float32
        assert data.train.persons + data.test.persons == PATIENTS
        assert data.train.inputs.min() >= 0.0 and data.train.inputs.max() <= 1.0


def test_a_network_trained_across_sites_sees_lesions(homes):
    hub, sites = homes
    summary = run.run(hub, "lesion", sites, actor="ada")
    print(f"\nlesion on {PATIENTS} CT at each of 3 sites: mean AUC {summary.auc} in {summary.seconds} s")
    assert summary.sites == tuple(sorted(SCANNERS))
    assert summary.auc is not None and summary.auc > 0.8


def test_what_the_cache_was_filled_with_is_what_a_site_trains_on(homes, monkeypatch):
    hub, sites = homes
    agreed, home = plan_store.load(hub, "lesion").plan, sites[0]
    site_data.forget()
    decoded = site_data.load(home, agreed)
    monkeypatch.setenv("FEDERIM_TRAINING_CACHE", "1GB")
    command = ["--home", str(home.root), "federated", "cache", "fill", str(hub.plans / "lesion.json")]
    site_data.forget()
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["arrays"] == PATIENTS
    site_data.forget()
    monkeypatch.setattr(images, "read", lambda *_: pytest.fail("a series was decoded again"))
    cached = site_data.load(Home.open(home.root), agreed)
    for one, other in ((decoded.train, cached.train), (decoded.test, cached.test)):
        np.testing.assert_array_equal(one.inputs, other.inputs)
    monkeypatch.setenv("FEDERIM_TRAINING_CACHE", "")
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, HomeError)


def write_hospital(folder: Path, distance: float, offset: float) -> None:
    """One CT series a patient, a ball brighter than the body in every other one, and a register."""
    folder.mkdir()
    draw = np.random.default_rng(int(distance))
    lines = ["IPP,sex,lesion"]
    for patient in range(PATIENTS):
        lesion = patient % 2 == 1
        lines.append(f"{distance:g}-{patient},{'MF'[patient % 3 == 0]},{int(lesion)}")
        write_series(folder, f"{distance:g}-{patient}", phantom(draw, distance, offset, lesion), distance)
    (folder / "diagnoses.csv").write_text("\n".join(lines) + "\n")


def phantom(draw: np.random.Generator, distance: float, offset: float, lesion: bool) -> np.ndarray:
    """Hounsfield units, shape (slices, 32, 32), voxels of 2 mm in the plane."""
    slices = round(60 / distance)
    z, y, x = np.meshgrid(
        np.arange(slices) * distance, np.arange(32) * 2.0, np.arange(32) * 2.0, indexing="ij"
    )
    body = (y - 31) ** 2 + (x - 31) ** 2 < 28**2
    volume = np.where(body, -500 + offset + 40 * draw.standard_normal(body.shape), -1000)
    centre = draw.uniform([18, 22, 22], [42, 40, 40])
    ball = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 9**2
    return volume + 500 * (lesion & ball)


def write_series(folder: Path, patient: str, volume: np.ndarray, distance: float) -> None:
    """The slices of a volume, on a real scanner's header."""
    header = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    header.remove_private_tags()
    header.PatientID = patient
    header.IssuerOfPatientID = None
    header.Rows, header.Columns = volume.shape[1:]
    header.PixelSpacing = [2, 2]
    header.SliceThickness = distance
    header.RescaleSlope, header.RescaleIntercept = 1, -1024
    header.StudyInstanceUID, header.SeriesInstanceUID = generate_uid(), generate_uid()
    for number, plane in enumerate(volume):
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.InstanceNumber = number + 1
        header.ImagePositionPatient = [0, 0, number * distance]
        header.PixelData = np.round(plane + 1024).astype(np.int16).tobytes()
        header.save_as(folder / f"{header.SOPInstanceUID}.dcm")


def _home(folder: Path, name: str, role: Role) -> Home:
    home = Home.create(folder / name, role=role, name=name)
    migrate(home)
    return home
