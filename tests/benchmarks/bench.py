"""Measure Federim against its peers and a floor in the same run, and print ratios: `make bench`.

A time alone says more of the machine than of the program, so each figure is a ratio to something
measured in turn with it, over several rounds; the median is what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Final

import append
import cache
import erasure
import folders
import growth
import inputs
import lake
import national
import national_picture
import pseudonyms
import sources

ROWS: Final = (
    "ct",
    "mr",
    "lake",
    "sources",
    "pseudonyms",
    "erasure",
    "append",
    "national",
    "growth",
    "cache",
)
MEMORY: Final = Path("/dev/shm")
COPIES: Final = 5  # of the input that may exist at once, and some room


def main() -> None:
    """Run the rows asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], help="default: all")
    parser.add_argument("--ct", type=int, default=3000, help="CT slices of 0.5 MB (default 3000)")
    parser.add_argument("--mr", type=int, default=5000, help="MR slices of 128 kB (default 5000)")
    parser.add_argument("--results", type=int, default=5_000_000, help="rows to erase from (default 5 M)")
    parser.add_argument("--parts", type=int, default=1, help="of a hospital of 5 M images (default 1: all)")
    parser.add_argument("--series", type=int, default=8, help="of 60 CT slices, for training (default 8)")
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="to ingest")
    parser.add_argument("--keep", type=Path, default=Path("build/bench"), help="figures and picture")
    parser.add_argument("--rounds", type=int, default=5, help="rounds measured (default 5)")
    told = parser.parse_args()
    rows = told.rows or ROWS
    place = _place(COPIES * max(told.ct * inputs.CT.megabytes, told.mr * inputs.MR.megabytes))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, in {place}")
    print(f"load before: {os.getloadavg()[0]:.1f}; medians of {told.rounds} rounds, each tool once a round")
    for row, kind, count in (("ct", inputs.CT, told.ct), ("mr", inputs.MR, told.mr)):
        if row in rows:
            print(f"\nDe-identify {count:,} {kind.name} of {kind.megabytes:.2f} MB, start-up included")
            with tempfile.TemporaryDirectory(dir=place) as scratch:
                measured = folders.measure(Path(scratch), kind, count, told.rounds)
            print("\n".join(folders.table(measured)), flush=True)
    if "lake" in rows:
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            _lake(lake.LakeBench(Path(scratch), told.ct, told.rounds), told.ct)
    if "sources" in rows:
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            _sources(sources.SourcesBench(Path(scratch), told.rounds))
    if "pseudonyms" in rows:
        with tempfile.TemporaryDirectory(dir=place) as scratch, pseudonyms.one_core():
            _pseudonyms(pseudonyms.PseudonymBench(Path(scratch), told.rounds))
    if "erasure" in rows:
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            _erasure(erasure.ErasureBench(Path(scratch), told.results, told.rounds), told.results)
    if "append" in rows:
        with tempfile.TemporaryDirectory() as scratch:  # on a disk: flushing to it is a part
            _append(append.AppendBench(Path(scratch), told.rounds * 4))
    if "cache" in rows:
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            _cache(cache.CacheBench(Path(scratch), told.series, told.rounds))
    grown: list[growth.Ingested] = []
    if "growth" in rows:
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            grown = _growth(Path(scratch), tuple(told.files))
    if "national" in rows:
        with tempfile.TemporaryDirectory() as scratch:
            size = national.NATIONAL.over(told.parts)
            _national(national.NationalBench(Path(scratch), size, told.rounds), grown, told.keep)


def _lake(bench: lake.LakeBench, count: int) -> None:
    print(f"\nA lake of {count:,} CT, one process")
    _print("ingest end to end ÷ cp -r", bench.ingest_over_copy())
    ours, theirs = bench.extraction()
    _print("rows out of clean headers, files/s", ours)
    _print("pydicom reads the header, files/s", theirs)


def _sources(bench: sources.SourcesBench) -> None:
    print("\nClinical sources read into rows, one process, and the same bytes merely parsed", flush=True)
    for title, theirs, measure in (
        ("FHIR NDJSON, resources/s", "json.loads", bench.fhir),
        ("HL7 v2 ORU^R01 of 10 results, messages/s", "library hl7", bench.hl7v2),
        ("CDA CR-BIO of 40 results, documents/s", "lxml", bench.cda),
    ):
        ours, parsed = measure()
        _print(title, ours)
        _print(f"    {theirs}", parsed)


def _pseudonyms(bench: pseudonyms.PseudonymBench) -> None:
    print("\nPseudonyms in batches of 1,000 on one core; below each, ÷ the three multiplications alone")
    for title, measure in (
        ("from INS to pseudonym, no proof, a second", lambda: bench.tokens(verify=False)),
        ("    the key server's proof checked", lambda: bench.tokens(verify=True)),
        ("    over mutual TLS on loopback, no proof", lambda: bench.loopback(verify=False)),
        ("    over mutual TLS on loopback, proof", lambda: bench.loopback(verify=True)),
        ("into a growing vault, no proof, a second", lambda: bench.vault(verify=False)),
        ("    the key server's proof checked", lambda: bench.vault(verify=True)),
    ):
        rates, ratios = measure()
        _print(title, rates)
        print(
            f"{'':<42}    ÷   {statistics.median(ratios):8,.2f}  ({min(ratios):,.2f} to {max(ratios):,.2f})"
        )


def _erasure(bench: erasure.ErasureBench, results: int) -> None:
    print(f"\nErase one person from {results:,} results, index, log and file statistics included")
    ours, theirs = bench.measure()
    _print("seconds", ours)
    _print("÷ delta-rs' delete and vacuum", [one / other for one, other in zip(ours, theirs, strict=True)])


def _append(bench: append.AppendBench) -> None:
    print(f"\nAppend {append.ROWS:,} results: checked, indexed, flushed to the disk")
    ours, theirs = bench.alone()
    _print("one writer, ms", ours)
    _print("    delta-rs alone, neither", theirs)
    _print(f"{append.WRITERS} processes, their waiting included, ms", bench.together())


def _cache(bench: cache.CacheBench) -> None:
    print("\nRead a site's series for training", flush=True)
    cached, decoded, _ = bench.measure()
    _print("decoded, seconds", decoded)
    ratios = [one / other for one, other in zip(cached, decoded, strict=True)]
    print(f"{'from the cache ÷ decoded':<42} median {statistics.median(ratios):8,.3f}")


def _growth(scratch: Path, counts: tuple[int, ...]) -> list[growth.Ingested]:
    print("\nIngest small files, one process")
    found = growth.measure(scratch, counts)
    for one in found:
        print(f"{one.files:>9,} files: {one.rate:,.0f} a second, at most {one.megabytes:,.0f} MB")
    return found


def _national(bench: national.NationalBench, grown: list[growth.Ingested], keep: Path) -> None:
    print("\nA lake of 5 M instances, 20 M results, 0.6 M diagnoses, on 2 threads (or the part asked for)")
    found = bench.measure()
    for title, values in found.milliseconds.items():
        _print(f"{title}, ms", values)
    print("bytes a row: " + ", ".join(f"{name} {size:,.1f}" for name, size in found.bytes_a_row.items()))
    keep.mkdir(parents=True, exist_ok=True)
    rates = {one.files: one.rate for one in grown}
    told = {
        "milliseconds": found.milliseconds,
        "bytes_a_row": found.bytes_a_row,
        "persons": found.persons,
        "files_a_second": rates,
    }
    (keep / "national.json").write_text(json.dumps(told, indent=1))
    bars = [
        national_picture.Bar(title, found.median(title), national.GOALS.get(kind))
        for title, kind in found.kinds.items()
    ]
    national_picture.save(keep / "national.png", bars, found.slopes(), rates)
    print(f"figures and picture in {keep}")


def _print(title: str, found: list[float]) -> None:
    print(f"{title:<42} median {statistics.median(found):8,.1f}  ({min(found):,.1f} to {max(found):,.1f})")


def _place(megabytes: float) -> str:
    """Memory-backed storage if it has the room, else the system's folder for temporary files."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > megabytes * 1e6:
        return str(MEMORY)
    return tempfile.gettempdir()


if __name__ == "__main__":
    main()
