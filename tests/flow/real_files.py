"""Real DICOM files, and what de-identification makes of them, for the flows that compare the two."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.data.data_manager import DATA_ROOT

from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.deidentify.tree.subjects import KeyedSubjects
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

KEY = bytes(range(32))
BUNDLED = Path(DATA_ROOT)  # pydicom's own test files, in its wheel
SHARED_DATA = Path(__file__).parents[2] / "../shared/data"


def dicom_files(folder: Path) -> Iterator[Path]:
    """Every file of a tree that begins as DICOM does, in the order of its name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if sniff(file.read(HEAD_BYTES)) is Kind.DICOM:
                    yield path


def one_of_each_series(paths: Iterable[Path]) -> Iterator[Path]:
    """The first file of each series, encoding and kind of image: the others differ in numbers only."""
    seen = set()
    for path in paths:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        except Exception:
            yield path
            continue
        encoding = header.file_meta.get("TransferSyntaxUID")
        kind = (path.parent, header.get("SeriesInstanceUID"), encoding, str(header.get("ImageType")))
        if kind not in seen:
            seen.add(kind)
            yield path


def deidentifier(policy: str = "research", *, key: bytes = KEY) -> Deidentifier:
    """One that knows patients by PatientID, or in files that have none, by nobody's."""
    treatment = load_policy(policy)
    return Deidentifier(treatment, _subjects(key), prover=Prover.under(treatment))


def write_clean(cleaner: Deidentifier, source: Path, target: Path) -> Path:
    """Write the de-identified form of a file; `Unusable` if it is refused."""
    with cleaner.file(source) as cleaned:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            cleaned.write(descriptor)
        finally:
            os.close(descriptor)
    return target


def before_and_after(cleaner: Deidentifier, source: Path, scratch: Path) -> tuple[Dataset, Dataset]:
    """A file as pydicom reads it, and its de-identified form read back; `Unusable` if it is refused."""
    target = write_clean(cleaner, source, scratch / "clean.dcm")
    return pydicom.dcmread(source, force=True), pydicom.dcmread(target)


def _subjects(key: bytes) -> Callable[[Attributes], object]:
    known = KeyedSubjects(key)
    nobody = known({"PatientID": "nobody"})  # type: ignore[arg-type]
    return lambda header: known(header) if str(header.get("PatientID") or "").strip(" \0") else nobody
