"""Make folders of CT and MR slices on real scanners' headers, as varied as a hospital's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

NAMES = ("MARTIN^ANNE", "BERNARD^LUC", "PETIT^CHLOE", "DURAND^HUGO", "LEROY^INES", "MOREAU^PAUL^JEAN")
TOWNS = ("LILLE", "BREST", "NANTES", "LYON", "TOULON", "DIJON")
FIRST_DAY = dt.date(2023, 1, 9)


@dataclass(frozen=True)
class Kind:
    """A kind of slice: `side` pixels of 16 bits a side, `series` series a patient, `slices` a series."""

    modality: str
    example: str
    side: int
    series: int
    slices: int
    descriptions: tuple[str, ...]
    vary: Callable[[Dataset, int], None]


def _vary_ct(header: Dataset, number: int) -> None:
    header.KVP, header.XRayTubeCurrent, header.Exposure = 120, 180 + number % 60, 45 + number % 20
    header.ConvolutionKernel = ("STANDARD", "LUNG", "BONE")[header.SeriesNumber % 3]
    header.CTDIvol, header.WindowCenter, header.WindowWidth = 8.2, [40, -600], [400, 1500]
    header.TableHeight, header.GantryDetectorTilt = 152.5, 0


def _vary_mr(header: Dataset, number: int) -> None:
    header.RepetitionTime, header.EchoTime = 4500 + header.SeriesNumber, 92.5
    header.FlipAngle, header.EchoTrainLength = 150, 15
    header.WindowCenter, header.WindowWidth = 300 + number % 7, 600
    header.DiffusionBValue = float(number % 2 * 800)


CT = Kind("CT", "CT_small.dcm", 512, 3, 100, ("THORAX 1.25 mm", "ABDO PELVIS IV", "axial poumon"), _vary_ct)
MR = Kind(
    "MR", "MR_small.dcm", 256, 5, 100, ("t2_tse_tra", "DWI b800", "t1 cerebral", "FLAIR", "ADC"), _vary_mr
)


def make_slices(folder: Path, kind: Kind, count: int) -> list[Path]:
    """Write `count` slices, a folder a series; patients in turn in Explicit and Implicit VR Little Endian."""
    header = dcmread(get_testdata_file(kind.example))
    header.Rows = header.Columns = kind.side
    dice = np.random.default_rng(1)
    written = []
    for index in range(count):
        series, number = divmod(index, kind.slices)
        patient = series // kind.series
        if not number:
            _begin_series(header, kind, patient, series)
        _place(header, index, number)
        kind.vary(header, number)
        header.PixelData = dice.integers(0, 2000, kind.side**2, dtype=np.int16).tobytes()
        place = folder / f"{patient:04d}" / f"{series:05d}" / f"{number:04d}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        header.save_as(place, enforce_file_format=True)
        written.append(place)
    return written


def _begin_series(header: Dataset, kind: Kind, patient: int, series: int) -> None:
    day = FIRST_DAY + dt.timedelta(days=patient * 3)
    header.PatientName = header.PatientBirthName = NAMES[patient % len(NAMES)]
    header.PatientID, header.IssuerOfPatientID = f"IPP{8_000_000 + patient}", "CHU NORD"
    header.PatientBirthDate, header.PatientSex = (
        f"{1935 + patient * 7 % 70}0{patient % 9 + 1}17",
        "FM"[patient % 2],
    )
    header.PatientAddress = f"{patient + 3} RUE DES LILAS, {TOWNS[patient % len(TOWNS)]}"
    header.PatientTelephoneNumbers = f"06 12 34 {patient % 90 + 10} 56"
    header.PatientComments = f"transfere de {TOWNS[patient % len(TOWNS)]}, revoir avec Dr Roux"
    header.AccessionNumber, header.StudyID = f"A{230_000 + patient}", str(4000 + patient)
    header.ReferringPhysicianName, header.OperatorsName = "ROUX^CLAIRE", "BLANC^MARC"
    header.InstitutionName, header.StationName = "CHU NORD", f"{kind.modality}0{patient % 3 + 1}"
    header.DeviceSerialNumber, header.SoftwareVersions = f"SN{patient % 3}4411", "7.2.1"
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = f"{day:%Y%m%d}"
    header.StudyDescription = f"{kind.modality} {kind.descriptions[0]}"
    header.SeriesDescription = header.ProtocolName = kind.descriptions[series % kind.series]
    header.SeriesNumber = series % kind.series + 1
    root = f"1.2.250.1.59.{ord(kind.modality[0])}"
    header.StudyInstanceUID, header.SeriesInstanceUID = (
        f"{root}.{patient + 1}",
        f"{root}.{patient + 1}.{series + 1}",
    )
    header.FrameOfReferenceUID = f"{root}.{patient + 1}.0"
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = header.AccessionNumber, "1"
    request.RequestedProcedureDescription = header.StudyDescription
    header.RequestAttributesSequence = [request]
    header.file_meta.TransferSyntaxUID = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)[patient % 2]


def _place(header: Dataset, index: int, number: int) -> None:
    header.SOPInstanceUID = f"{header.SeriesInstanceUID}.{index + 1}"
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.InstanceNumber, header.SliceLocation = number + 1, number * 1.25
    header.ImagePositionPatient = [-180.5, -170.25, number * 1.25 - 60]
    header.StudyTime = header.SeriesTime = "091500"
    header.AcquisitionTime = header.ContentTime = (
        f"09{20 + number % 40:02d}{number % 60:02d}.{index % 1000:03d}"
    )
    reference = Dataset()
    reference.ReferencedSOPClassUID = header.SOPClassUID
    reference.ReferencedSOPInstanceUID = f"{header.SeriesInstanceUID}.9"
    header.ReferencedImageSequence = [reference]
