"""Ingest folders of a thousand, ten thousand and more small files: files a second, and the memory it took."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import inputs

from federim.database import migrate
from federim.home import Home, Role
from federim_pipelines.run import ingest

TINY = inputs.Kind("tiny CT", "CT_small.dcm", 16, inputs.CT.series)


@dataclass(frozen=True, slots=True)
class Ingested:
    """One ingest by one process, in a process of its own."""

    files: int
    seconds: float
    megabytes: float  # most memory it ever held

    @property
    def rate(self) -> float:
        """Files a second."""
        return self.files / self.seconds


def measure(scratch: Path, counts: tuple[int, ...]) -> list[Ingested]:
    """Each count in a fresh home; start-up is not counted."""
    found = []
    for count in counts:
        raw, home = scratch / "raw", scratch / "home"
        inputs.make_slices(raw, TINY, count)
        child = subprocess.run(
            [sys.executable, __file__, raw, home], capture_output=True, text=True, check=True
        )
        seconds, kilobytes = child.stdout.split()
        found.append(Ingested(count, float(seconds), int(kilobytes) / 1_000))
        shutil.rmtree(raw)
        shutil.rmtree(home)
    return found


def _child(raw: Path, root: Path) -> None:
    home = Home.create(root, role=Role.SITE, name="bench")
    migrate(home)
    began = time.perf_counter()
    ingest(home, [raw])
    print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    _child(Path(sys.argv[1]), Path(sys.argv[2]))
