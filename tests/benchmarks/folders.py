"""Row 1: de-identify a folder, every tool a whole process, in turn with `cp -r`."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import inputs
import peers

SAMPLE: Final = 10  # a slow tool is given every tenth file


@dataclass
class Measured:
    """A tool's rounds: seconds of each, scaled to all files, and over the `cp -r` of the same round."""

    tool: peers.Tool
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    failed: str = ""


def measure(scratch: Path, kind: inputs.Kind, count: int, rounds: int) -> list[Measured]:
    """Every tool's times on `count` slices, `cp -r` first.

    All tools run in each round, from the floor on, and each writes as many bytes into pages the one before
    it gave back. A round that is not counted comes first, since a machine's first use of its memory is slow.
    """
    raw, sample, single = (scratch / name for name in ("raw", "sample", "single"))
    inputs.make_slices(raw, kind, count)
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    _link(files[::SAMPLE], sample)
    _link(files[:1], single)
    found, absent = peers.peers()
    for line in absent:
        print(line)
    tools = [peers.copy(), peers.federim(), peers.federim(2), *found]
    measured = [Measured(tool) for tool in tools]
    for turn in range(rounds + 1):
        floor = 0.0
        for each in measured:
            if each.failed:
                continue
            try:
                taken = (
                    _scaled(each.tool, sample, single, count, scratch / "out")
                    if each.tool.slow
                    else _seconds(each.tool, raw, scratch / "out")
                )
            except (subprocess.CalledProcessError, OSError) as error:
                each.failed = type(error).__name__
                continue
            floor = floor or taken
            if turn:
                each.seconds.append(taken)
                each.ratios.append(taken / floor)
    return measured


def table(measured: list[Measured]) -> list[str]:
    """Medians: seconds, over `cp -r`, and over Federim in one process."""
    ours = next((each for each in measured if each.tool.name == "federim deidentify"), measured[0])
    lines = [f"{'':<34}{'seconds':>9}{'÷ cp -r':>9}  {'(lowest to highest)':<21}{'÷ federim':>9}"]
    for each in measured:
        if each.failed or not each.ratios:
            lines.append(f"{each.tool.name:<34}failed: {each.failed}")
            continue
        against = [theirs / own for theirs, own in zip(each.seconds, ours.seconds, strict=False)]
        spread = f"({min(each.ratios):.2f} to {max(each.ratios):.2f})"
        lines.append(
            f"{each.tool.name + (' *' if each.tool.slow else ''):<34}{statistics.median(each.seconds):>9.2f}"
            f"{statistics.median(each.ratios):>9.2f}  {spread:<21}{statistics.median(against or [0]):>9.2f}"
        )
    if any(each.tool.slow for each in measured):
        lines.append(f"* on every {SAMPLE}th file, scaled by the file; its start is counted once")
    return lines


def _link(files: list[Path], folder: Path) -> None:
    """The same files in one flat folder: some peers look into no other."""
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number:06d}").hardlink_to(file)


def _scaled(tool: peers.Tool, sample: Path, single: Path, count: int, out: Path) -> float:
    """Seconds for `count` files, from those for a sample and for a single file."""
    start, many = _seconds(tool, single, out), sum(1 for _ in sample.iterdir())
    return start + (_seconds(tool, sample, out) - start) * (count - 1) / max(many - 1, 1)


def _seconds(tool: peers.Tool, source: Path, out: Path) -> float:
    """Wall time of one whole process; what it wrote is removed again, outside the time."""
    try:
        began = time.perf_counter()
        tool.run(source, out)
        return time.perf_counter() - began
    finally:
        shutil.rmtree(out, ignore_errors=True)
