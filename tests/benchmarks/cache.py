"""Read a site's series for training from the cache of decoded arrays, in turn with decoding them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from pathlib import Path
from typing import Final

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from federim.database import migrate
from federim.home import Home, Role
from federim.lake import snapshot
from federim.lake.arrays import kept
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
from federim_federated import volumes
from federim_pipelines.run import ingest

SLICES: Final = 60
SIDE: Final = 512
GRID: Final = Preprocessing(
    modality="CT", size=(64, 128, 128), spacing_mm=(4.0, 2.5, 2.5), window=(-1000.0, 400.0)
)


class CacheBench:
    """A site with `series` CT of 60 slices of 512 × 512, each of a patient of its own."""

    def __init__(self, scratch: Path, series: int, rounds: int) -> None:
        self.rounds = rounds
        site = Home.create(scratch / "home", role=Role.SITE, name="bench", training_cache="10GB")
        migrate(site)
        for number in range(series):
            _write(scratch / "raw" / str(number), number)
        ingest(site, [scratch / "raw"])
        (site.cohorts / "ct.toml").write_text('[series]\nModality = "CT"\n')
        self._plan = _plan(snapshot.freeze(site, "ct"))
        self._cached = site
        self._plain = dataclasses.replace(
            site, settings=site.settings.model_copy(update={"training_cache": ""})
        )

    def measure(self) -> tuple[list[float], list[float], float]:
        """Seconds to read all series, from the cache and by decoding; and of the pass that fills it.

        A snapshot's files are hashed and its tables queried in both, as they are before a run.
        """
        fill, first = self._read(self._cached)
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(self.rounds):
            for home, found in zip((self._cached, self._plain), taken, strict=True):
                seconds, inputs = self._read(home)
                np.testing.assert_array_equal(inputs, first)
                found.append(seconds)
        return (*taken, fill)

    @property
    def kept(self) -> kept.Kept:
        """Arrays in the cache, and their bytes."""
        return kept.counted(self._cached)

    def _read(self, home: Home) -> tuple[float, np.ndarray]:
        began = time.perf_counter()
        cohort = volumes.read(home, self._plan)
        return time.perf_counter() - began, cohort.inputs


def _write(folder: Path, number: int) -> None:
    """A body of noise on a real scanner's header."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(number)
    header = dcmread(get_testdata_file("CT_small.dcm"))
    header.remove_private_tags()
    header.PatientID = f"bench-{number}"
    header.IssuerOfPatientID = None
    header.Rows = header.Columns = SIDE
    header.PixelSpacing = [0.7, 0.7]
    header.StudyInstanceUID, header.SeriesInstanceUID = generate_uid(), generate_uid()
    for place in range(SLICES):
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.InstanceNumber = place + 1
        header.ImagePositionPatient = [0, 0, 4.0 * place]
        header.PixelData = draw.integers(0, 2000, SIDE**2, dtype=np.int16).tobytes()
        header.save_as(folder / f"{place}.dcm")


def _plan(frozen: snapshot.Snapshot) -> TrainingPlan:
    one = Bounds(lowest=1, highest=1, default=1)
    return TrainingPlan(
        name="bench",
        project="bench",
        hub="hub",
        purpose="Measure.",
        task=Task.IMAGE,
        cohort="ct",
        sites=(
            SnapshotPin(site=SiteName("bench"), sha256=frozen.sha256),
            SnapshotPin(site=SiteName("other"), sha256="0" * 64),
        ),
        minimum_sites=2,
        label=Label(table=LabelTable.CONDITION, code="C34.9"),
        preprocessing=GRID,
        faces=EXEMPT,
        faces_reason="noise has none",
        rounds=1,
        learning_rate=one,
        local_epochs=one,
        test_fraction=0.5,
        minimum_cohort=10,
        norm_bound=1.0,
        seed=0,
        expires=dt.date(2099, 1, 1),
        app_sha256="0" * 64,
        messages=(),
    )
