"""A hospital with two projects, what their workspaces hold, and every identifier found in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from clinical_messages import cda_imaging
from django.db import connections
from hospital_that_forgets import OFFICER, Hospital, image_of, people
from hospital_that_forgets import build as hospital_built
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from federim.database import alias
from federim.home import Home
from federim.lake import snapshot
from federim.lake.snapshot_tables import SNAPSHOT_TABLES
from federim.lake.workspace_tables import WITH_PIXELS, grantable
from federim.model.workspace import WorkspaceGrant
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.part10 import IMPLEMENTATION_CLASS
from federim_pipelines.deidentify.uids import standard_uid
from federim_pipelines.run import ingest
from federim_pipelines.workspace.build import Built, ProjectSecrets, build

ENDS: Final = date(2999, 12, 31)
STUDY: Final = "1.2.826.0.1.3680043.10.77.77000000"
"""Of the first person's images."""

KEYS: Final = {"one": bytes(range(32)), "two": bytes(range(32, 64))}

_HEX: Final = re.compile("[0-9a-f]{32}|[0-9a-f]{64}")
_UID: Final = re.compile(r"[0-2](\.[0-9]+){2,}")
_DRAWING: Final = re.compile("[A-Z2-7]{16}")
_DATES: Final = ("DA", "DT")


def hospital_with_annotations(folder: Path) -> Hospital:
    """The hospital that forgets; its first person has a report, and a drawing on a layer somebody named."""
    hospital = hospital_built(folder)
    someone, more = people()[0], folder / "more"
    more.mkdir()
    study = image_of(more / "image.dcm", someone, 7)
    (more / "state.dcm").write_bytes(_presentation_state(dcmread(study)))
    seen = datetime(2024, 5, 20, 10)
    told = cda_imaging(someone, seen, act="ZBQK001", study=STUDY, accession="ACC-77")
    (more / "report.xml").write_bytes(told)
    report = ingest(hospital.home, [more], actor=OFFICER)
    assert report.quarantined == 0, report
    snapshot.freeze(hospital.home, "everyone")
    connections[alias(hospital.home)].close()
    return hospital


def _presentation_state(image: Dataset) -> bytes:
    """An arrow on an image, on a layer that bears a name."""
    for name in ("PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"):
        del image[name]
    state_class = "1.2.840.10008.5.1.4.1.1.11.1"
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = state_class
    image.Modality, image.SeriesInstanceUID = "PR", f"{STUDY}.2"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.2.1"
    layer, annotation, reference = Dataset(), Dataset(), Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "LAYER OF SMITH", 1
    annotation.GraphicLayer = layer.GraphicLayer
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = f"{STUDY}.1.7"
    annotation.ReferencedImageSequence = Sequence([reference])
    image.GraphicLayerSequence, image.GraphicAnnotationSequence = Sequence([layer]), Sequence([annotation])
    image.ContentLabel, image.PresentationCreationDate = "SMITH", "20240521"
    return encode(image)


def everything(*, pixels: bool) -> dict[str, tuple[str, ...]]:
    """All that can be granted of every table."""
    return {
        name: grantable(table) for name, table in SNAPSHOT_TABLES.items() if pixels or name != WITH_PIXELS
    }


def granted(home: Home, project: str, *, pixels: bool = False, ends: date = ENDS) -> WorkspaceGrant:
    """A grant of everything in the latest frozen cohort."""
    return WorkspaceGrant(
        project=project,
        request="R-1",
        snapshot_sha256=snapshot.load(home, "everyone").sha256,
        tables=everything(pixels=pixels),
        pixels=pixels,
        ends=ends,
    )


def built(home: Home, project: str, to: Path, **how: Any) -> Built:
    """A project's workspace, at `to`."""
    grant = granted(home, project, **how)
    return build(home, grant, "everyone", to, project=ProjectSecrets(key=KEYS[project]), actor=OFFICER)


def rows(home: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a workspace's table."""
    found = [pq.read_table(path).to_pylist() for path in sorted((home / "lake" / table).glob("*.parquet"))]
    return [row for file in found for row in file]


def identifiers(folder: Path) -> set[str]:
    """Every pseudonym, key, UID, hash and name of a drawing in a folder: names, rows and objects.

    Known by how they look, not by the column or element they are in: the Standard's own UIDs and the house's
    are no identifiers.
    """
    return {each for each in _strings(folder) if _identifies(each)}


def dates(folder: Path) -> dict[str, set[date]]:
    """The days that rows tell of each person, by pseudonym."""
    found: dict[str, set[date]] = {}
    for path in folder.glob("lake/*/**/*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            days = {value.date() if isinstance(value, datetime) else value for value in row.values()}
            theirs = {each for each in days if isinstance(each, date)}
            found.setdefault(row.get("person_id", ""), set()).update(theirs)
    for path in folder.glob("objects/**/*.dcm"):
        dataset = dcmread(path, stop_before_pixels=True)
        for element in _elements(dataset):
            if element.VR in _DATES and element.keyword != "PatientBirthDate" and element.value:
                day = datetime.strptime(str(element.value)[:8], "%Y%m%d").date()
                found.setdefault(str(dataset.PatientID), set()).add(day)
    return found


def _identifies(text: str) -> bool:
    if _UID.fullmatch(text):
        return not standard_uid(text) and text != IMPLEMENTATION_CLASS
    return bool(_HEX.fullmatch(text) or _DRAWING.fullmatch(text))


def _strings(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        yield path.stem
        if path.suffix == ".parquet":
            for column in pq.read_table(path, partitioning=None).columns:
                yield from (str(each) for each in column.unique().to_pylist())
        elif path.suffix == ".dcm":
            dataset = dcmread(path, stop_before_pixels=True)
            for element in (*_elements(dataset.file_meta), *_elements(dataset)):
                many = element.value if element.VM > 1 else [element.value]
                yield from (str(each) for each in many)


def _elements(dataset: Dataset) -> Iterator[Any]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)
        else:
            yield element
