"""Draw a chest phantom with or without a lesion, as a CT series on a real scanner's header."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import UID

from federim.cli.demo.people import Hospital, Visit

SIDE = 64  # pixels
SLICES = 16
AIR, LUNG, TISSUE, BONE, LESION = -1000.0, -820.0, 40.0, 700.0, 35.0  # Hounsfield units


def volume(hospital: Hospital, visit: Visit) -> NDArray[np.int16]:
    """Hounsfield units, shape (SLICES, SIDE, SIDE), axes (slice from feet to head, row, column)."""
    dice = np.random.default_rng(visit.seed)
    z, y, x = np.mgrid[-1 : 1 : SLICES * 1j, -1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    width, depth = dice.uniform(0.82, 0.95), dice.uniform(0.62, 0.75)
    hounsfield = np.full(z.shape, AIR)
    hounsfield[(x / width) ** 2 + (y / depth) ** 2 < 1] = TISSUE
    # Lungs narrow towards the apex, as they do.
    narrowing = 1.0 - 0.25 * np.clip(z, 0, 1)
    lungs = np.zeros(z.shape, dtype=bool)
    for side in (-1, 1):
        lungs |= ((x - side * 0.42) / (0.3 * narrowing)) ** 2 + (y / (0.48 * narrowing)) ** 2 < 1
    hounsfield[lungs] = LUNG
    hounsfield[(x**2 + (y - depth * 0.78) ** 2) < 0.012] = BONE
    if visit.patient.lesion:
        side = dice.choice((-1, 1))
        centre = (dice.uniform(-0.5, 0.5), dice.uniform(-0.2, 0.2), side * 0.42 + dice.uniform(-0.08, 0.08))
        radius = 0.18 + 0.12 * visit.patient.burden
        distance = np.sqrt(((z - centre[0]) * 0.6) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        hounsfield[(distance < radius) & lungs] = LESION
    hounsfield += hospital.intensity_offset_hu + dice.normal(0.0, hospital.noise_hu, hounsfield.shape)
    return np.clip(np.rint(hounsfield), -1024, 3071).astype(np.int16)


def write_series(folder: Path, hospital: Hospital, visit: Visit) -> int:
    """Write one CT series into `folder`, one file a slice; return how many.

    The header is a real scanner's (the CT that pydicom bundles), private attributes and all: what a
    de-identifier meets at a hospital.
    """
    header = dcmread(str(get_testdata_file("CT_small.dcm")))
    pixels = volume(hospital, visit)
    uids = (uuid.UUID(int=number, version=4).int for number in _numbers(visit.seed))
    study, series, frame = (f"2.25.{next(uids)}" for _ in range(3))
    _patient(header, visit)
    _geometry(header, hospital)
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = study, series, frame
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = f"{visit.day:%Y%m%d}"
    header.StudyID = header.AccessionNumber = f"{hospital.name[:3].upper()}{visit.seed % 10**8:08d}"
    header.InstitutionName = hospital.title
    header.SeriesDescription = f"THORAX {visit.patient.family} {visit.patient.given}"
    header.ManufacturerModelName = hospital.model
    for index in range(SLICES):
        header.SOPInstanceUID = UID(f"2.25.{next(uids)}")
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.InstanceNumber = index + 1
        header.ImagePositionPatient = [
            -SIDE / 2 * hospital.pixel_spacing_mm,
            -SIDE / 2 * hospital.pixel_spacing_mm,
            index * hospital.slice_thickness_mm,
        ]
        header.SliceLocation = index * hospital.slice_thickness_mm
        header.PixelData = pixels[index].tobytes()
        # No extension, as a PACS exports.
        header.save_as(folder / f"IM{index:05d}", enforce_file_format=True)
    return SLICES


def _patient(header: Dataset, visit: Visit) -> None:
    header.PatientName = f"{visit.patient.family}^{visit.patient.given}"
    header.PatientID = visit.ipp
    header.PatientBirthDate = f"{visit.patient.birth:%Y%m%d}"
    header.PatientSex = visit.patient.sex
    for keyword in ("PatientAge", "OtherPatientIDs", "OtherPatientIDsSequence"):
        if keyword in header:
            delattr(header, keyword)


def _geometry(header: Dataset, hospital: Hospital) -> None:
    header.Rows = header.Columns = SIDE
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 1
    header.RescaleSlope, header.RescaleIntercept = 1, 0
    header.BodyPartExamined = "CHEST"
    header.SliceThickness = hospital.slice_thickness_mm
    header.SpacingBetweenSlices = hospital.slice_thickness_mm
    header.PixelSpacing = [hospital.pixel_spacing_mm, hospital.pixel_spacing_mm]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for keyword in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in header:
            delattr(header, keyword)
    if "DataSetTrailingPadding" in header:
        del header.DataSetTrailingPadding


def _numbers(seed: int) -> list[int]:
    words = np.random.default_rng([seed, 1]).integers(0, 2**63, size=(SLICES + 3, 2))
    return [int(high) << 64 | int(low) for high, low in words]
