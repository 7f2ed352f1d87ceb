"""Builders of what a hospital sends: images, bundles, lines of results; and the lake's content to compare."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from federim.home import Home
from federim.lake.schema import TABLES
from federim.lake.tables import Lake

Content = dict[str, list[str]]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """The folder data arrive in."""
    path = tmp_path / "inbox"
    path.mkdir()
    return path


@pytest.fixture
def write_image(inbox: Path) -> Callable[..., Path]:
    """A CT slice of a real scanner's header, of patient and number said, `elements` changed."""
    template = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))

    def build(name: str, *, patient: str = "IPP-p1", number: int = 1, **elements: Any) -> Path:
        template.PatientID = patient
        template.IssuerOfPatientID = None
        template.InstanceNumber = number
        template.StudyInstanceUID = generate_uid(entropy_srcs=[patient, "study"])
        template.SeriesInstanceUID = generate_uid(entropy_srcs=[patient, "series"])
        template.SOPInstanceUID = generate_uid(entropy_srcs=[patient, str(number)])
        template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
        changed = template.copy()
        for keyword, value in elements.items():
            setattr(changed, keyword, value)
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        changed.save_as(path)
        return path

    return build


@pytest.fixture
def write_bundle(inbox: Path) -> Callable[..., Path]:
    """A bundle of one patient with `results` creatinines."""

    def build(name: str, *, patient: str = "p1", results: int = 3) -> Path:
        resources: list[dict[str, Any]] = [
            {
                "resourceType": "Patient",
                "id": patient,
                "identifier": [{"type": {"coding": [{"code": "PI"}]}, "value": f"IPP-{patient}"}],
                "gender": "female",
                "birthDate": "1961-04-09",
            }
        ]
        resources += [
            {
                "resourceType": "Observation",
                "id": f"{patient}-{number}",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "14682-9"}]},
                "subject": {"reference": f"Patient/{patient}"},
                "effectiveDateTime": f"2024-03-{1 + number % 28:02d}",
                "valueQuantity": {"value": 60 + number, "unit": "umol/L"},
            }
            for number in range(results)
        ]
        path = inbox / name
        entries = [{"resource": resource} for resource in resources]
        path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
        return path

    return build


@pytest.fixture
def content() -> Callable[[Home], Content]:
    """What a home's lake holds: every row of every table as text, in order; runs apart."""

    def read(home: Home) -> Content:
        found: Content = {}
        for name in TABLES.keys() - {"run"}:
            rows = [
                row
                for path in Lake(home).files(name)
                for row in pq.read_table(path, partitioning=None).to_pylist()
            ]
            found[name] = sorted(
                json.dumps(
                    {key: value for key, value in row.items() if key != "run_id"}, default=str, sort_keys=True
                )
                for row in rows
            )
        return found

    return read


@pytest.fixture
def twin(make_home: Callable[..., Home]) -> Callable[[Home, str], Home]:
    """A home with another's keys and nothing else: what enters both must come out the same."""

    def build(home: Home, name: str) -> Home:
        other = make_home(name)
        for key in home.keys.iterdir():
            shutil.copy(key, other.keys)  # with who may open it
        (other.root / "federim.toml").write_text((home.root / "federim.toml").read_text())
        return Home.open(other.root)

    return build
