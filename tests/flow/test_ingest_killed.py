"""A killed run leaves a readable lake, and the next one brings it to what it would have been."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from federim.home import Home
from federim_pipelines.run import ingest

Content = dict[str, list[str]]

# Runs `ingest` and kills itself at the nth call of one function: before its work, or after.
KILLED = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from federim.home import Home
from federim_pipelines import intake, run

home, inbox, module, name, when, count = sys.argv[1:]
owner = import_module(module)
*outer, name = name.split(".")
for part in outer:
    owner = getattr(owner, part)
original, calls = getattr(owner, name), 0

def deadly(*arguments, **named):
    global calls
    calls += 1
    if when == "before" and calls == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*arguments, **named)
    if when == "after" and calls == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, deadly)
intake.ROWS_A_COMMIT = 30
run.ingest(Home.open(Path(home)), [Path(inbox)])
"""


@pytest.mark.parametrize(
    ("module", "function", "when", "count"),
    [
        ("federim.lake.images", "store", "after", 2),
        ("federim.lake.tables", "stage", "after", 2),
        ("federim.lake.delta", "DeltaWriter.write", "after", 4),
        ("federim.lake.index", "Index.remember", "before", 2),
        ("federim.audit.trail", "record", "before", 2),
    ],
)
def test_the_next_run_completes_a_killed_one(
    site: Home,
    twin: Callable[[Home, str], Home],
    inbox: Path,
    write_image: Callable[..., Path],
    write_bundle: Callable[..., Path],
    content: Callable[[Home], Content],
    module: str,
    function: str,
    when: str,
    count: int,
) -> None:
    for number in range(4):
        write_image(f"{number}.dcm", number=number)
    write_image("conflict.dcm", number=1, Manufacturer="Another")
    (inbox / "empty").touch()
    for number in range(4):
        write_bundle(f"{number}.json", patient=f"p{number}", results=20)
    undisturbed = twin(site, "undisturbed")
    expected = ingest(undisturbed, [inbox])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(site.root), str(inbox), module, function, when, str(count)],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    content(site)
    report = ingest(site, [inbox])
    assert (report.read, report.quarantined) == (expected.read, expected.quarantined)
    assert content(site) == content(undisturbed)
    kept = {path.name for path in site.objects.rglob("*.dcm")}
    assert kept == {path.name for path in undisturbed.objects.rglob("*.dcm")}
