"""Two processes freeze one cohort at one instant: both end with the same snapshot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from federim.home import Home
from federim.lake import snapshot

CHILD = Path(__file__).with_name("freezing_child.py")
TOGETHER = 2


def test_both_processes_get_the_same_snapshot(
    site: Home, fill: Callable[..., Any], rows: Any, tmp_path: Path
) -> None:
    (site.cohorts / "chest.toml").write_text('[[series]]\nModality = "CT"\n')
    fill({"person": [rows.person("p1")], "image_occurrence": [rows.series("p1", 1)]})
    gate = tmp_path / "gate"
    gate.mkdir()
    children = [
        subprocess.Popen(
            [sys.executable, CHILD, site.root, gate, str(number), str(TOGETHER)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(TOGETHER)
    ]
    told = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], told
    (frozen,) = snapshot.every(site)
    assert [out.strip() for out, _ in told] == [frozen.id] * TOGETHER
    assert snapshot.verify(site, frozen) == frozen
    assert [path.name for path in site.snapshots.iterdir()] == [frozen.id]
