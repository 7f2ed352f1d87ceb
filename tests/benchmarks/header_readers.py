"""Read the headers of a folder's files one way, and print how long it took: headers_readers.py WAY FOLDER.

Run by `bench.py`, each way by the Python that has its library; imports are not counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

KEYWORDS = (
    *(
        "PatientID",
        "PatientSex",
        "PatientBirthDate",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
    ),
    *("StudyDate", "StudyTime", "SeriesDate", "Modality", "SOPClassUID", "FrameOfReferenceUID"),
    *("BodyPartExamined", "Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "SliceThickness"),
    *("PixelSpacing", "Rows", "Columns", "KVP", "RepetitionTime", "EchoTime", "FlipAngle"),
    *("InstanceNumber", "NumberOfFrames", "ImagePositionPatient", "BitsAllocated"),
)


def federim() -> Callable[[Path], object]:
    """Every row of the lake that the header makes."""
    from federim.lake.images import StoredObject
    from federim.model.identifiers import Pseudonym, SiteName, Subject
    from federim_pipelines.deidentify.reading import Source, take_apart
    from federim_pipelines.extract.imaging import rows_of

    subject = Subject(person_id=Pseudonym("0" * 32), linked=False, date_shift_days=-1, uid_key=bytes(32))
    stored = StoredObject(sha256="0" * 64, path="00/00/0.dcm", size=1)

    def read(path: Path) -> object:
        source = Source.of(path)
        parts = take_apart(source)
        source.close()
        return rows_of(
            parts.header,
            parts.header,
            subject,
            stored=stored,
            transfer_syntax=parts.transfer_syntax,
            site=SiteName("bench"),
            year=2026,
        )

    return read


def pydicom() -> Callable[[Path], object]:
    """The attributes that those rows are made of."""
    from pydicom import dcmread

    def read(path: Path) -> object:
        header = dcmread(path, stop_before_pixels=True)
        return [header.get(keyword) for keyword in KEYWORDS]

    return read


def dicomsdl() -> Callable[[Path], object]:
    """The same attributes."""
    import dicomsdl as library

    def read(path: Path) -> object:
        header = library.open(str(path))
        return [getattr(header, keyword) for keyword in KEYWORDS]

    return read


WAYS = {"federim": federim, "pydicom": pydicom, "dicomsdl": dicomsdl}

if __name__ == "__main__":
    read = WAYS[sys.argv[1]]()
    paths = sorted(path for path in Path(sys.argv[2]).rglob("*") if path.is_file())
    started = time.perf_counter()
    for path in paths:
        read(path)
    print(time.perf_counter() - started)
