"""Make folders of slices as a hospital's archive exports them: real headers, tags that vary by slice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

SERIES_A_PATIENT: Final = 4
SLICES_A_SERIES: Final = 100
IMPLICIT_EVERY: Final = 5  # of five patients, one comes from an archive that writes Implicit VR
_DIFFERENT_PIXELS: Final = 50
_NAMES: Final = ("LE GUENNEC", "QUÉFFELEC", "MARTIN", "D'ALMEIDA", "NGUYEN", "LEFÈVRE-BRÉMOND", "KERJEAN")
_GIVEN: Final = ("MAËL", "ANNE-MARIE", "JEAN", "SOIZIC", "THI HOA", "PIERRE", "NOLWENN")


@dataclass(frozen=True)
class Kind:
    """One modality's slices: `side` × `side` pixels of 16 bits on the header of one of pydicom's files."""

    name: str
    template: str
    side: int
    series: tuple[str, ...]

    @property
    def megabytes(self) -> float:
        """Of one slice's pixels."""
        return self.side**2 * 2 / 1e6


CT: Final = Kind(
    "CT",
    "CT_small.dcm",
    512,
    ("SCOUT", "THORAX SANS IV 1.25", "Abdomen-Pelvis portal 2.5", "THORAX PARENCHYME 1.25"),
)
MR: Final = Kind("MR", "MR_small.dcm", 256, ("3-plan loc", "AX T2 FLAIR", "Sag T1 3D", "DWI b0 b1000"))


def make_slices(folder: Path, kind: Kind, count: int) -> None:
    """Write `count` slices of several patients, studies and series to patient/series/slice."""
    dice = np.random.default_rng(1)
    pixels = [
        dice.integers(0, 2000, kind.side**2, dtype=np.int16).tobytes() for _ in range(_DIFFERENT_PIXELS)
    ]
    for first in range(0, count, SLICES_A_SERIES):
        number = first // SLICES_A_SERIES
        header = _series(kind, number)
        implicit = number // SERIES_A_PATIENT % IMPLICIT_EVERY == IMPLICIT_EVERY - 1
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        place = folder / f"{header.PatientID}" / f"{header.SeriesNumber:04d}"
        place.mkdir(parents=True)
        for index in range(min(SLICES_A_SERIES, count - first)):
            _slice(kind, header, number, index)
            header.PixelData = pixels[(first + index) % _DIFFERENT_PIXELS]
            header.save_as(
                place / f"IM{index:06d}", implicit_vr=implicit, little_endian=True, enforce_file_format=True
            )


def _series(kind: Kind, number: int) -> Dataset:
    """The header that the slices of a series share."""
    header = dcmread(get_testdata_file(kind.template))
    header.pop("DataSetTrailingPadding", None)
    patient, series = divmod(number, SERIES_A_PATIENT)
    header.SpecificCharacterSet = "ISO_IR 100"
    header.PatientName = f"{_NAMES[patient % len(_NAMES)]}^{_GIVEN[patient // 2 % len(_GIVEN)]}"
    header.PatientID = f"800{patient:07d}"
    header.PatientBirthDate = f"{1935 + patient % 60}{1 + patient % 12:02d}{1 + patient % 28:02d}"
    header.PatientAge = f"{2021 - 1935 - patient % 60:03d}Y"
    header.AccessionNumber = f"A{patient:08d}{series}"
    header.ReferringPhysicianName = "DR^KERLEO"
    header.OperatorsName = "MNP"
    header.InstitutionName = "CHU DE LA CITE"
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = "20210314"
    header.StudyTime, header.SeriesTime = "081500", f"08{20 + series}15.25"
    header.StudyDescription = "TDM TAP" if kind.template == CT.template else "IRM CEREBRALE"
    header.SeriesDescription = header.ProtocolName = kind.series[series]
    header.SeriesNumber = series + 1
    header.BodyPartExamined = "CHEST" if kind.template == CT.template else "HEAD"
    header.StudyInstanceUID = f"1.2.840.113619.2.1.{patient}"
    header.SeriesInstanceUID = f"1.2.840.113619.2.2.{patient}.{series}"
    header.FrameOfReferenceUID = f"1.2.840.113619.2.3.{patient}"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if kind.template == CT.template else "M_SE"]
    header.Rows = header.Columns = kind.side
    procedure, request, localizer = Dataset(), Dataset(), Dataset()
    procedure.CodeValue, procedure.CodingSchemeDesignator = "ZBQK001", "CCAM"
    procedure.CodeMeaning = "Scanographie du thorax"
    request.RequestedProcedureID = f"RP{patient:08d}"
    request.ScheduledProcedureStepDescription = header.StudyDescription
    localizer.ReferencedSOPClassUID = header.SOPClassUID
    localizer.ReferencedSOPInstanceUID = f"1.2.840.113619.2.4.{patient}.0.0"
    header.ProcedureCodeSequence = [procedure]
    header.RequestAttributesSequence = [request]
    header.ReferencedImageSequence = [localizer]
    header.PerformedProcedureStepStartDate, header.PerformedProcedureStepStartTime = "20210314", "081512"
    header.PerformedProcedureStepID = f"PPS{patient:08d}"
    return header


def _slice(kind: Kind, header: Dataset, number: int, index: int) -> None:
    """Change what a scanner changes from slice to slice."""
    patient, series = divmod(number, SERIES_A_PATIENT)
    uid = f"1.2.840.113619.2.4.{patient}.{series}.{index}"
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = uid
    header.InstanceNumber = index + 1
    depth = -75.7 + 1.25 * index
    header.ImagePositionPatient = [f"{-158.1358:.4f}", f"{-179.0358:.4f}", f"{depth:.4f}"]
    header.SliceLocation = f"{depth:.4f}"
    moment = f"08{20 + series}{index // 2 % 60:02d}.{index * 7919 % 1_000_000:06d}"
    header.AcquisitionTime = header.ContentTime = header.InstanceCreationTime = moment
    header.WindowCenter, header.WindowWidth = f"{40 + index % 3}", f"{400 + index % 5}"
    if kind.template == CT.template:
        header.XRayTubeCurrent, header.Exposure = 150 + index * 37 % 300, 5 + index * 13 % 60
        header.private_block(0x0019, "GEMS_ACQU_01")[0x24].value = f"{17.78 + index * 0.4:.6f}"
    else:
        header.EchoTime = f"{90 + series:.4f}"
        header.ImagingFrequency = f"{63.92433 + index * 1e-6:.6f}"
        header.SmallestImagePixelValue, header.LargestImagePixelValue = index % 7, 1990 + index % 10
