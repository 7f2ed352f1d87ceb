"""Time whole processes in turn over the same files, and tell each one's time as a ratio to `cp -r`."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers import COPY, OURS, OURS_TWICE, Tool


@dataclass(frozen=True)
class Files:
    """A folder of files, and fewer of them in one flat folder for slow tools."""

    folder: Path
    count: int
    fewer: Path
    fewer_count: int

    @classmethod
    def of(cls, folder: Path, paths: Sequence[Path], fewer: int) -> Files:
        """`fewer` of the files, from all over the folder, are copied beside it."""
        sample = folder.with_name(f"{folder.name}-fewer")
        sample.mkdir()
        chosen = paths[:: max(1, len(paths) // fewer)][:fewer]
        for number, path in enumerate(chosen):
            shutil.copyfile(path, sample / f"{number:05d}.dcm")
        return cls(folder, len(paths), sample, len(chosen))


class Race:
    """Tools that take turns. What one writes is removed before the next, so all write to warm memory."""

    def __init__(self, files: Files, tools: Sequence[Tool], scratch: Path) -> None:
        self._files = files
        self._tools = (COPY, *tools)
        self._target = scratch / "out"
        self.seconds: dict[str, list[float]] = defaultdict(list)  # a file, by tool
        self.counts: dict[str, int] = {}
        self.told: dict[str, str] = {}  # what went otherwise than expected

    def run(self, rounds: int) -> None:
        """One round that does not count, of the tools that are not slow, then `rounds` that do."""
        for tool in self._tools:
            if not tool.slow:
                self._once(tool)
        for _ in range(rounds):
            for tool in self._tools:
                taken, count = self._once(tool)
                self.seconds[tool.name].append(taken / count)
                self.counts[tool.name] = count

    def ratios(self, name: str, reference: str = COPY.name) -> list[float]:
        """One tool's time over another's, a file, round by round; in ascending order."""
        return sorted(
            ours / theirs for ours, theirs in zip(self.seconds[name], self.seconds[reference], strict=True)
        )

    def table(self) -> str:
        """A line a tool: files, median seconds, and the ratio to `cp -r` of the same round."""
        # Where a tool got fewer files, what counts is its time a file.
        lines = [f"{'':<32}{'files':>7}{'seconds':>10}{'÷ cp -r':>10}  lowest to highest"]
        for name, seconds in self.seconds.items():
            ratios = self.ratios(name)
            lines.append(
                f"{name:<32}{self.counts[name]:>7,}{statistics.median(seconds) * self.counts[name]:>10.2f}"
                f"{statistics.median(ratios):>10.2f}  {ratios[0]:.2f} to {ratios[-1]:.2f}"
                f"{self.told.get(name, '')}"
            )
        return "\n".join(lines)

    def comparison(self) -> str:
        """A line a peer: how much faster Federim is."""
        peers = [name for name in self.seconds if name not in (COPY.name, OURS.name, OURS_TWICE.name)]
        return "\n".join(
            f"{OURS.name} is {statistics.median(self.ratios(name, OURS.name)):.1f} times as fast as {name}"
            for name in peers
        )

    def _once(self, tool: Tool) -> tuple[float, int]:
        source, count = (
            (self._files.fewer, self._files.fewer_count)
            if tool.slow
            else (self._files.folder, self._files.count)
        )
        if not tool.makes_folder:
            self._target.mkdir()
        command = tool.command(source, self._target)
        started = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True)
        taken = time.perf_counter() - started
        written = sum(path.is_file() for path in self._target.rglob("*"))
        shutil.rmtree(self._target)
        if written != count and tool.one_to_one:
            self.told[tool.name] = f"; wrote {written:,} files of {count:,}"
        elif tool in (OURS, OURS_TWICE):
            report = json.loads(done.stdout)
            if report["fast_path"] != count or report["proof"] != {"checked": count, "hits": 0}:
                self.told[tool.name] = (
                    f"; {report['fast_path']:,} by the fast path, {report['quarantined']:,} quarantined"
                )
        return taken, count
