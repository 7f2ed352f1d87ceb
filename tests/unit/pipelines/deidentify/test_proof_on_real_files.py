"""On real files the proof finds the patient before cleaning, and nobody after."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.policy.policy import Policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.deidentify.proof.headers import header_of
from federim_pipelines.deidentify.tree.subjects import KeyedSubjects
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

LARGEST = 1 << 20  # of a file; a larger one has more pixels, not more header


def dicom_files(folder: Path) -> list[Path]:
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size < LARGEST:
            with path.open("rb") as file:
                if file.read(132)[128:] == b"DICM":
                    files.append(path)
    return files


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """What keeps the most text and private values; pixels are another matter, and take long."""
    site = tmp_path / "site.toml"
    site.write_text('base = "research"\n[options]\nclean_pixel_data = false\n')
    return load_policy(site)


def test_a_file_that_was_cleaned_trips_no_proof(shared_data: Path, policy: Policy) -> None:
    deidentifier = Deidentifier(policy, KeyedSubjects(bytes(32)), prover=Prover.under(policy))
    became: Counter[str] = Counter()
    found = []
    for path in dicom_files(shared_data):
        try:
            with deidentifier.file(path):
                became["written"] += 1
        except Unusable as refused:
            became[refused.reason] += 1
            if refused.reason is Reason.PROOF:
                found.append((path.name, refused.detail))
    assert found == []
    assert became["written"] > 200


def test_a_file_as_it_came_trips_it(shared_data: Path) -> None:
    """Whatever its encoding: every file with a patient to be found is one."""
    prover, missed = Prover(), []
    files = dicom_files(shared_data)[::5]
    for path in files:
        header = header_of(path.read_bytes())
        if not any("InstanceUID" in kind for kind in prover.check(header, header)):
            missed.append(path.name)
    assert len(missed) < len(files) / 20, missed
