"""Measure Federim against its peers and a floor in the same run, and print ratios: `make bench`.

A time alone says more of the machine than of the program, so each figure is a ratio to something measured in
turn with it, over several rounds; the median is what counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from header_readers import WAYS
from inputs import CT, MR, Kind, make_slices
from peers import FEDERIM, OURS, OURS_TWICE, Tool, peers, python_of
from race import Files, Race

MEMORY = Path("/dev/shm")
KEPT_AT_ONCE = 5  # the slices, fewer of them, and what a tool makes of them, with room to spare


def scratch_folder(needed: int) -> tempfile.TemporaryDirectory[str]:
    """A folder in memory if it has room for `needed` bytes, else where temporary files go."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > needed
    return tempfile.TemporaryDirectory(dir=MEMORY if in_memory else None, prefix="federim-bench-")


def deidentify(kind: Kind, count: int, tools: list[Tool], told: argparse.Namespace) -> None:
    """Row 1 of DESIGN §10: whole processes, interpreter start included."""
    with scratch_folder(KEPT_AT_ONCE * count * kind.side**2 * 2) as scratch:
        folder = Path(scratch) / "in"
        files = Files.of(folder, make_slices(folder, kind, count), told.fewer)
        race = Race(files, [OURS, OURS_TWICE, *tools], Path(scratch))
        race.run(told.rounds)
        size = kind.side**2 * 2 // 1024
        print(f"\nDe-identify {count:,} {kind.modality} of {size} kB, {told.rounds} rounds, in {scratch}")
        print(race.table(), race.comparison(), sep="\n", flush=True)


def extract(count: int, rounds: int) -> None:
    """Row 2 of DESIGN §10: a file's rows from its header, in one process; imports not counted."""
    with scratch_folder(KEPT_AT_ONCE * count * CT.side**2 * 2) as scratch:
        folder = Path(scratch)
        make_slices(folder, CT, count)
        pythons = {way: Path(sys.executable) for way in WAYS if way != "dicomsdl"}
        try:
            pythons["dicomsdl"] = python_of("dicomsdl")
        except subprocess.CalledProcessError as error:
            print(f"dicomsdl is left out: {error}")
        rates: dict[str, list[float]] = {way: [] for way in pythons}
        for _ in range(rounds + 1):
            for way, python in pythons.items():
                script = Path(__file__).with_name("header_readers.py")
                done = subprocess.run([python, script, way, folder], check=True, capture_output=True)
                rates[way].append(count / float(done.stdout))
        print(f"\nExtract metadata of {count:,} CT, files a second, {rounds} rounds")
        for way, found in rates.items():
            found = sorted(found[1:])  # the first fills caches
            print(
                f"{way:<32}{statistics.median(found):>10,.0f}  {found[0]:,.0f} to {found[-1]:,.0f}",
                flush=True,
            )


def ingest(count: int, rounds: int) -> None:
    """Row 3 of DESIGN §10: an ingest from end to end, a whole process, into a new home."""
    with scratch_folder(KEPT_AT_ONCE * count * CT.side**2 * 2) as scratch:
        folder = Path(scratch) / "in"

        def command(source: Path, target: Path) -> list[str | Path]:
            make = [FEDERIM, "init", target, "--role", "site", "--name", "bench"]
            subprocess.run(make, check=True, capture_output=True)
            return [FEDERIM, "--home", target, "ingest", source, "--json"]

        tool = Tool("federim ingest", command, one_to_one=False)
        race = Race(Files.of(folder, make_slices(folder, CT, count), 1), [tool], Path(scratch))
        race.run(rounds)
        print(f"\nIngest {count:,} CT of 512 kB, {rounds} rounds, in {scratch}")
        print(race.table(), flush=True)


def main() -> None:
    """Run every row and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ct", type=int, default=3_000, help="CT slices of 0.5 MB (default 3,000)")
    parser.add_argument("--mr", type=int, default=5_000, help="MR slices of 128 kB (default 5,000)")
    parser.add_argument("--fewer", type=int, default=300, help="files for the slow peers (default 300)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds measured (default 5)")
    parser.add_argument("--no-peers", action="store_true", help="only Federim and cp -r")
    told = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    tools = [] if told.no_peers else peers()
    deidentify(CT, told.ct, tools, told)
    deidentify(MR, told.mr, tools, told)
    extract(min(told.ct, 1_000), told.rounds)
    ingest(min(told.ct, 1_000), told.rounds)


if __name__ == "__main__":
    main()
