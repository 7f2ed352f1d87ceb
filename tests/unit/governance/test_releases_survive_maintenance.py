"""An approved export made again is the same, byte for byte, after its lake was optimised and vacuumed."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from federim.governance.release import release
from federim.governance.verification import verify
from federim.home import Home
from federim.lake import snapshot
from federim.lake.maintenance.optimizing import optimize
from federim.lake.maintenance.vacuuming import vacuum
from federim.lake.tables import Lake

MEANS = {
    "name": "crp",
    "from": "measurement",
    "why": "the outcome",
    "group_by": ["person.gender_concept_id"],
    "measures": ["persons", "mean(value_as_number)", "sd(value_as_number)"],
}
ROWS = {"name": "rows", "from": "person", "why": "to describe", "columns": ["gender_concept_id"]}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_release_made_again_after_maintenance_is_the_same(
    centre: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = centre.decided(MEANS, ROWS)
    connections.close_all()
    twins = {
        threads: Home.open(Path(shutil.copytree(centre.home.root, tmp_path / f"twin-{threads}")))
        for threads in (1, 2)
    }
    built = release(centre.home, "olga", decision, today=centre.today)
    first = digests(centre.home.releases / built.name)
    connect = snapshot.connect_files
    for threads, home in twins.items():
        for batch in range(3):  # the live tables are no longer what was pinned
            type(centre)(home, centre.frozen).fill(range(80 + 40 * batch, 120 + 40 * batch))
        optimize(home)
        removed = vacuum(home, older_than=0)
        assert removed.files > 0
        pinned = {home.lake / file.path for file in centre.frozen.files}
        assert not pinned & set(Lake(home).files("measurement"))
        assert all(map(Path.is_file, pinned))
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "connect_files", partial(connect, threads=threads))
            again = release(home, "olga", decision, today=centre.today)
        assert digests(home.releases / again.name) == first
        optimize(home)
        vacuum(home, older_than=0)
        verify(home, home.releases / again.name)
