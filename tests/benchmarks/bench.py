"""Measure Federim against a peer or a floor in the same run, and print ratios: `make bench`.

A time alone says more of the machine than of the program, so each figure is a ratio to something
measured in turn with it, over several rounds; the median is what counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file

from federim.database import migrate
from federim.home import Home, Role
from federim_pipelines.extract.imaging import rows_of
from federim_pipelines.items import Item
from federim_pipelines.run import ingest
from federim_pipelines.sources.dicom import KIND, read
from federim_pipelines.worker import Task, Worker

SIDE = 512  # pixels; 16 bits each make the 0.5 MB of a CT slice


def make_slices(folder: Path, count: int) -> None:
    """CT slices of 0.5 MB on a real scanner's header, a series of 50 a patient."""
    header = dcmread(get_testdata_file("CT_small.dcm"))
    header.Rows = header.Columns = SIDE
    dice = np.random.default_rng(1)
    for index in range(count):
        patient = index // 50
        header.PatientID = f"BENCH{patient:05d}"
        header.PatientName = f"BENCH^PATIENT{patient:05d}"
        header.StudyInstanceUID, header.SeriesInstanceUID = f"2.25.{patient + 1}1", f"2.25.{patient + 1}2"
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"2.25.{index + 1}3"
        header.InstanceNumber = index % 50 + 1
        header.PixelData = dice.integers(0, 2000, SIDE * SIDE, dtype=np.int16).tobytes()
        series = folder / f"{patient:05d}"
        series.mkdir(exist_ok=True)
        header.save_as(series / f"{index:06d}", enforce_file_format=True)


def seconds(act: Callable[[], object]) -> float:
    """How long `act` takes on the wall clock."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


class Bench:
    """A folder of slices, and what is done to it in turn with its reference."""

    def __init__(self, scratch: Path, count: int, rounds: int) -> None:
        self.scratch, self.count, self.rounds = scratch, count, rounds
        self.raw = scratch / "raw"
        self.raw.mkdir()
        make_slices(self.raw, count)
        self.files = sorted(path for path in self.raw.rglob("*") if path.is_file())
        self.copy()  # warms the file cache for both sides

    def copy(self) -> None:
        """The floor: `cp -r`, made durable as an ingest is."""
        target = self.scratch / "copy"
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["cp", "-r", self.raw, target], check=True)

    def home(self) -> Home:
        """A fresh site."""
        root = self.scratch / "home"
        shutil.rmtree(root, ignore_errors=True)
        made = Home.create(root, role=Role.SITE, name="bench")
        migrate(made)
        return made

    def pseudonymise(self, worker: Worker) -> None:
        """Read, de-identify and store every slice, in this process."""
        for path in self.files:
            assert read(Item(KIND, path), worker).records

    def ratios(self, ours: Callable[[], float], reference: Callable[[], float]) -> list[float]:
        """Ours over the reference, pair by pair."""
        return [ours() / reference() for _ in range(self.rounds)]

    def pseudonymise_over_copy(self) -> list[float]:
        """Row 1 of DESIGN §10."""

        def ours() -> float:
            worker = Worker.open(Task(home=self.home().root, policy="basic", mapping=None, year=2026))
            taken = seconds(lambda: self.pseudonymise(worker))
            worker.exchange.close()
            return taken

        return self.ratios(ours, lambda: seconds(self.copy))

    def extract_over_header_read(self) -> list[float]:
        """Row 2 of DESIGN §10: rows from a clean header, over reading the header with pydicom."""
        home = self.home()
        worker = Worker.open(Task(home=home.root, policy="basic", mapping=None, year=2026))
        self.pseudonymise(worker)
        worker.exchange.close()
        objects = sorted(path for path in home.objects.rglob("*") if path.is_file())
        subject, stored = _subject_and_stored(objects[0])

        def extract() -> None:
            for path in objects:
                header = dcmread(path, stop_before_pixels=True)
                rows_of(header, header, subject, stored=stored, site=home.name, year=2026)

        def header_read() -> None:
            for path in objects:
                dcmread(path, stop_before_pixels=True)

        return self.ratios(lambda: seconds(extract), lambda: seconds(header_read))

    def ingest_over_copy(self) -> list[float]:
        """Row 3 of DESIGN §10: the whole ingest, one process."""

        def ours() -> float:
            home = self.home()
            return seconds(lambda: ingest(home, [self.raw]))

        return self.ratios(ours, lambda: seconds(self.copy))


def _subject_and_stored(path: Path) -> tuple[object, object]:
    from federim.lake.images import StoredObject
    from federim.model.identifiers import Pseudonym, Subject

    subject = Subject(person_id=Pseudonym("0" * 32), linked=False, date_shift_days=-1, uid_key=bytes(32))
    return subject, StoredObject(sha256=path.stem, path=path.name, size=path.stat().st_size)


def main() -> None:
    """Run every row and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300, help="CT slices of 0.5 MB (default 300)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs measured (default 5)")
    told = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; ", end="")
    print(f"{told.files} CT slices of 0.5 MB, {told.rounds} rounds, one process")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), told.files, told.rounds)
        for title, row in (
            ("pseudonymise and store ÷ cp -r", bench.pseudonymise_over_copy),
            ("extract rows ÷ pydicom header read", bench.extract_over_header_read),
            ("ingest end to end ÷ cp -r", bench.ingest_over_copy),
        ):
            found = sorted(row())
            print(f"{title:<38} median {statistics.median(found):6.1f}  ({found[0]:.1f} to {found[-1]:.1f})")


if __name__ == "__main__":
    main()
