"""An image that is a page of text does not enter the lake, and a picture of it stays with the site."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from federim.home import Home
from federim.lake.tables import Lake
from federim_pipelines.run import ingest

WORDS = ("MARCHANDEAU Odile", "nee le 14/03/1952", "12 rue des Lilas", "tel 02 98 00 00 00", "compte rendu")


def _page(path: Path) -> None:
    picture = np.full((900, 700), 255, np.uint8)
    for line in range(22):
        text = f"{WORDS[line % len(WORDS)]} {WORDS[(line + 2) % len(WORDS)]}"
        cv2.putText(picture, text, (15, 35 + 40 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
    page = Dataset()
    page.file_meta = FileMetaDataset()
    page.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    page.file_meta.MediaStorageSOPClassUID = page.SOPClassUID = SecondaryCaptureImageStorage
    page.file_meta.MediaStorageSOPInstanceUID = page.SOPInstanceUID = "1.2.3.1"
    page.StudyInstanceUID, page.SeriesInstanceUID = "1.2.3.2", "1.2.3.3"
    page.PatientID, page.PatientName, page.Modality = "IPP778899", "MARCHANDEAU^ODILE", "OT"
    page.ConversionType, page.Rows, page.Columns = "SD", 900, 700
    page.SamplesPerPixel, page.BitsAllocated, page.BitsStored, page.HighBit = 1, 8, 8, 7
    page.PixelRepresentation, page.PhotometricInterpretation = 0, "MONOCHROME2"
    page.PixelData = picture.tobytes()
    page["PixelData"].VR = "OB"
    page.save_as(path, enforce_file_format=True)


def test_a_page_of_text_is_held_back_with_a_picture(site: Home, tmp_path: Path) -> None:
    _page(tmp_path / "page.dcm")
    report = ingest(site, [tmp_path / "page.dcm"])
    assert (report.accepted, report.quarantined, dict(report.reasons)) == (0, 1, {"pixels": 1})
    (row,) = (row for path in Lake(site).files("quarantine") for row in pq.read_table(path).to_pylist())
    (picture,) = site.pictures.iterdir()
    assert picture.name.startswith(f"{row['quarantine_id']}.") and picture.suffix == ".png"
    assert picture.stat().st_mode & 0o077 == 0 and site.pictures.stat().st_mode & 0o077 == 0
    shown = cv2.imread(str(picture))
    assert shown is not None and shown.size > 100_000
    assert not list(site.objects.rglob("*.dcm"))
