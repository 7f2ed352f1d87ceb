"""Lay out the raw material of each hospital: what its PACS and laboratory would export, good and bad."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from federim.cli.demo.messages import write_messages
from federim.cli.demo.people import HOSPITALS, Hospital, Visit, invent
from federim.cli.demo.phantom import write_series
from federim.cli.demo.records import write_records


@dataclass(frozen=True, slots=True)
class RawMaterial:
    """What was written for one hospital."""

    hospital: Hospital
    folder: Path
    visits: tuple[Visit, ...]
    images: int
    records: int


def write_all(root: Path, tick: Callable[[], None]) -> Iterator[RawMaterial]:
    """Write each hospital's files under `root`; `tick` is called once a patient."""
    visits = invent()
    for hospital in HOSPITALS:
        yield _write(root / hospital.name, hospital, visits[hospital.name], tick)


def _write(folder: Path, hospital: Hospital, visits: list[Visit], tick: Callable[[], None]) -> RawMaterial:
    images = 0
    for index, visit in enumerate(visits):
        series = folder / "pacs" / f"EXAM{index:04d}"
        series.mkdir(parents=True)
        images += write_series(series, hospital, visit)
        tick()
    images += _accidents(folder)
    laboratory = folder / "laboratory"
    laboratory.mkdir()
    records = write_records(laboratory, hospital, visits, biology=not hospital.speaks_hl7v2)
    if hospital.speaks_hl7v2:
        records += write_messages(laboratory, hospital, visits)
    return RawMaterial(hospital, folder, tuple(visits), images, records)


def _accidents(folder: Path) -> int:
    """What every real export has: a cut file, a text called .dcm, an empty file, copies in a ZIP."""
    first = folder / "pacs" / "EXAM0000"
    whole = (first / "IM00000").read_bytes()
    (first / "IM99997").write_bytes(whole[: len(whole) // 2])
    (first / "notes.dcm").write_text("Not an image.\n")
    (first / "IM99999").touch()
    with zipfile.ZipFile(folder / "pacs" / "copies.zip", "w") as archive:
        archive.write(first / "IM00001", "IM00001")
        archive.write(first / "IM00002", "IM00002")
    return 5
