"""Rows 2 and 3: rows out of clean headers, and a whole ingest into a lake."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import inputs
from pydicom import dcmread

from federim.database import migrate
from federim.home import Home, Role
from federim.lake.images import StoredObject
from federim.model.identifiers import Pseudonym, SiteName, Subject
from federim_pipelines.deidentify.reading import Source, take_apart
from federim_pipelines.extract.imaging import rows_of
from federim_pipelines.run import ingest

_SUBJECT = Subject(person_id=Pseudonym("0" * 32), linked=False, date_shift_days=-1, uid_key=bytes(32))


class LakeBench:
    """A folder of CT slices, ingested into a fresh home in turn with `cp -r` of it."""

    def __init__(self, scratch: Path, count: int, rounds: int) -> None:
        self.scratch, self.rounds = scratch, rounds
        self.raw = scratch / "raw"
        if not self.raw.exists():
            inputs.make_slices(self.raw, inputs.CT, count)

    def ingest_over_copy(self) -> list[float]:
        """Row 3 of DESIGN §10: de-identify, prove, extract and commit, one process, over `cp -r`."""
        ratios = []
        for turn in range(self.rounds + 1):
            shutil.rmtree(self.scratch / "copy", ignore_errors=True)
            copied = _seconds(self._copy)
            home = self._home()
            taken = _seconds(lambda home=home: ingest(home, [self.raw]))
            if turn:
                ratios.append(taken / copied)
        return ratios

    def extraction(self) -> tuple[list[float], list[float]]:
        """Row 2 of DESIGN §10: files a second, ours and pydicom's, which only reads the header.

        On the objects that the last ingest stored.
        """
        objects = sorted(path for path in self._root.rglob("*.dcm") if path.is_file())
        stored = StoredObject(sha256="0" * 64, path="objects/bench", size=1)

        def ours() -> None:
            for path in objects:
                source = Source.of(path)
                parts = take_apart(source)
                rows_of(
                    parts.header,
                    parts.header,
                    _SUBJECT,
                    stored=stored,
                    transfer_syntax=parts.transfer_syntax,
                    site=SiteName("bench"),
                    year=2026,
                )
                source.close()

        def theirs() -> None:
            for path in objects:
                dcmread(path, stop_before_pixels=True)

        rates: tuple[list[float], list[float]] = ([], [])
        for turn in range(self.rounds + 1):
            for act, found in zip((ours, theirs), rates, strict=True):
                taken = _seconds(act)
                if turn:
                    found.append(len(objects) / taken)
        return rates

    @property
    def _root(self) -> Path:
        return self.scratch / "home"

    def _home(self) -> Home:
        shutil.rmtree(self._root, ignore_errors=True)
        made = Home.create(self._root, role=Role.SITE, name="bench")
        migrate(made)
        return made

    def _copy(self) -> None:
        subprocess.run(["cp", "-r", self.raw, self.scratch / "copy"], check=True)


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
