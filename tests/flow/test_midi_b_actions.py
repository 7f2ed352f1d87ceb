"""The ten actions by which the MIDI-B challenge scored de-identification, each over many files.

Real headers, with a made-up person put into them as the challenge did.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from made_up_person import NO_TEXT_IN_PIXELS, Person, day_of, plant
from pydicom import Dataset, config
from pydicom.dataelem import DataElement
from pydicom.uid import UID, ExplicitVRLittleEndian
from real_files import BUNDLED, SHARED_DATA, deidentifier, dicom_files, one_of_each_series, write_clean

from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.extract.unusable import Unusable

# Devices break the rules of VRs, and pydicom says so at each value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

FILES, MODALITIES = 30, 6
PATIENTS = 7  # the files are shared out among them
SIDE = 256  # of the pictures with text, pixels

RETAINED = (
    *("Modality", "SOPClassUID", "ImageType", "PatientSex", "Rows", "Columns", "BitsAllocated", "BitsStored"),
    *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "InstanceNumber"),
    *("KVP", "RepetitionTime", "EchoTime", "FlipAngle", "MagneticFieldStrength", "RescaleSlope"),
    *("RescaleIntercept", "WindowCenter", "WindowWidth", "PatientPosition", "SeriesNumber", "Units"),
    *("PhotometricInterpretation", "SamplesPerPixel", "PixelRepresentation", "NumberOfFrames"),
)
NOT_NULL = (
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality"),
    *("StudyDate", "StudyTime", "SeriesDescription", "StudyDescription", "PatientIdentityRemoved"),
    "DeidentificationMethodCodeSequence",
)
OWN_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
# Kinds of image a person's words get burned into, besides those real files bring.
STANDARD = "1.2.840.10008."
_STORAGE = "1.2.840.10008.5.1.4.1.1."
CLASSES = {
    "CR": f"{_STORAGE}1",
    "CT": f"{_STORAGE}2",
    "DX": f"{_STORAGE}1.1",
    "ES": f"{_STORAGE}77.1.1",
    "MG": f"{_STORAGE}1.2",
    "MR": f"{_STORAGE}4",
    "NM": f"{_STORAGE}20",
    "OT": f"{_STORAGE}7",
    "RF": f"{_STORAGE}12.2",
    "SC": f"{_STORAGE}7",
    "US": f"{_STORAGE}6.1",
    "XA": f"{_STORAGE}12.1",
}


@dataclass(frozen=True)
class Case:
    """One file before and after."""

    name: str
    person: Person
    before: Dataset
    after: Dataset
    written: bytes  # the output, without its pixels

    @property
    def modality(self) -> str:
        return str(self.after.get("Modality"))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """De-identified files of every series at hand, under policy research."""
    scratch, cleaner, found = tmp_path_factory.mktemp("midi"), deidentifier(), []
    with _any_value():
        for number, path in enumerate(_real_files()):
            before, person = pydicom.dcmread(path, force=True), Person(number % PATIENTS)
            if not all(before.get(keyword) for keyword in OWN_UIDS[:3]):
                continue
            if before.get("Modality") not in NO_TEXT_IN_PIXELS and "PixelData" in before:
                continue
            plant(before, person)
            try:
                before.save_as(scratch / "planted.dcm", enforce_file_format=True)
            except Exception:  # damaged on purpose, so that pydicom cannot write it again
                continue
            before = pydicom.dcmread(scratch / "planted.dcm")
            try:
                after = pydicom.dcmread(write_clean(cleaner, scratch / "planted.dcm", scratch / "clean.dcm"))
            except Unusable:
                continue
            written = (scratch / "clean.dcm").read_bytes()
            pixels = after.get("PixelData") or b""
            found.append(
                Case(path.name, person, before, after, written.replace(pixels, b"") if pixels else written)
            )
    return found


@contextmanager
def _any_value() -> Iterator[None]:
    """Devices break the rules of VRs: their values are read and written as they are."""
    settings = config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    settings.reading_validation_mode, settings.writing_validation_mode = before


def _real_files() -> Iterator[Path]:
    folders = [BUNDLED] + ([SHARED_DATA] if SHARED_DATA.is_dir() else [])
    for folder in folders:
        yield from one_of_each_series(dicom_files(folder))


def _each(cases: list[Case], holds: Callable[[Case], object]) -> None:
    """`holds` is asked of every case; None where a case has nothing to ask."""
    answers = [(case, holds(case)) for case in cases]
    asked = [(case, answer) for case, answer in answers if answer is not None]
    assert [case.name for case, answer in asked if not answer] == []
    assert len(asked) >= FILES
    assert len({case.modality for case, _ in asked}) >= MODALITIES


def _present(dataset: Dataset, keywords: tuple[str, ...]) -> list[str]:
    return [keyword for keyword in keywords if dataset.get(keyword) not in (None, "")]


def test_tag_retained(cases: list[Case]) -> None:
    _each(cases, lambda case: all(keyword in case.after for keyword in _present(case.before, RETAINED)))


def test_text_notnull(cases: list[Case]) -> None:
    _each(cases, lambda case: _present(case.after, NOT_NULL) == list(NOT_NULL))


def test_text_retained(cases: list[Case]) -> None:
    def holds(case: Case) -> bool:
        words = {
            *(case.after.SeriesDescription, case.after.StudyDescription, case.after.ProtocolName),
            case.after.RequestAttributesSequence[0].ScheduledProcedureStepDescription,
        }
        values = [
            _plain(case.before[keyword]) == _plain(case.after[keyword])
            for keyword in _present(case.before, RETAINED)
        ]
        return words == {"THORAX", "abdomen pelvis", "axial", "cerebral"} and all(values)

    _each(cases, holds)


def test_text_removed(cases: list[Case]) -> None:
    _each(
        cases,
        lambda case: (
            not any(secret.encode().lower() in case.written.lower() for secret in case.person.secrets)
        ),
    )


def test_date_shifted(cases: list[Case]) -> None:
    shifts: dict[Person, set[int]] = defaultdict(set)

    def holds(case: Case) -> bool | None:
        dated = [keyword for keyword in _present(case.before, DATES) if day_of(case.before[keyword].value)]
        moved = {day_of(case.after[keyword].value) - day_of(case.before[keyword].value) for keyword in dated}
        shifts[case.person] |= moved
        return len(moved) == 1 and 0 not in moved if dated else None

    _each(cases, holds)
    assert all(len(days) == 1 for days in shifts.values())
    assert len(set(map(frozenset, shifts.values()))) > 1


def test_uid_changed(cases: list[Case]) -> None:
    _each(
        cases,
        lambda case: all(
            case.before[keyword].value != case.after[keyword].value
            for keyword in _present(case.before, OWN_UIDS)
        ),
    )


def test_uid_consistent(cases: list[Case]) -> None:
    keyed: dict[tuple[Person, str], str] = {}
    used: dict[str, tuple[Person, str]] = {}

    def holds(case: Case) -> bool:
        pairs = list(_uids(case.before, case.after))
        assert len(pairs) >= 3
        return all(
            keyed.setdefault((case.person, old), new) == new
            and used.setdefault(new, (case.person, old)) == (case.person, old)
            for old, new in pairs
        )

    _each(cases, holds)


def test_patid_consistent(cases: list[Case]) -> None:
    pseudonyms: dict[Person, str] = {}
    _each(
        cases,
        lambda case: (
            pseudonyms.setdefault(case.person, case.after.PatientID) == case.after.PatientID
            and case.after.PatientID != case.before.PatientID
        ),
    )
    assert len(set(pseudonyms.values())) == len(pseudonyms) == PATIENTS


def test_pixels_retained(cases: list[Case]) -> None:
    """Bit by bit; a compressed image may have lost words written beside its pixels, so it is decoded."""

    def holds(case: Case) -> bool | None:
        if "PixelData" not in case.before:
            return None
        if case.before.PixelData == case.after.PixelData:
            return True
        return np.array_equal(case.before.pixel_array, case.after.pixel_array)

    _each(cases, holds)


@pytest.mark.parametrize("modality", CLASSES)
def test_pixels_hidden(modality: str, tmp_path: Path) -> None:
    """Three pictures a modality: gray, inverse and coloured, words in different places."""
    cleaner = deidentifier()
    for number in range(3):
        picture, ink = _picture(modality, number)
        picture.save_as(tmp_path / "words.dcm", enforce_file_format=True)
        after = pydicom.dcmread(write_clean(cleaner, tmp_path / "words.dcm", tmp_path / "clean.dcm"))
        shown, drawn = after.pixel_array.reshape(SIDE, SIDE, -1), picture.pixel_array.reshape(SIDE, SIDE, -1)
        around = cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert np.ptp(drawn[around]) > 100
        assert np.ptp(shown[around], axis=0).max() == 0  # one colour: nothing is left to read
        assert np.array_equal(shown[-40:], drawn[-40:])  # where there are no words
        assert after.BurnedInAnnotation == "NO"


def _picture(modality: str, number: int) -> tuple[Dataset, np.ndarray]:
    """A picture with a person's words in it, and where their ink is."""
    person, dice = Person(number), np.random.default_rng(number)
    header = pydicom.dcmread(BUNDLED / "test_files" / "CT_small.dcm")
    plant(header, person)
    ink = np.zeros((SIDE, SIDE), np.uint8)
    for line, words in enumerate((f"KERVADEC{number} Soazig", person.patient_id)):
        place = (10 + 8 * number, 40 + 34 * line + 20 * number)
        cv2.putText(ink, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_8)
    ground = dice.integers(20, 60, (SIDE, SIDE), dtype=np.uint8)
    gray = np.where(ink > 0, 250, ground).astype(np.uint8)
    if number == 1:
        gray = 255 - gray
    header.Modality, header.SOPClassUID = modality, CLASSES[modality]
    header.file_meta.MediaStorageSOPClassUID = CLASSES[modality]
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
    header.BurnedInAnnotation = "YES"
    header.Rows = header.Columns = SIDE
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation = 7, 0
    if number == 2:
        gray = np.stack([gray] * 3, axis=2)
        header.SamplesPerPixel, header.PhotometricInterpretation, header.PlanarConfiguration = 3, "RGB", 0
    for keyword in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
        header.pop(keyword, None)
    header.PixelData = gray.tobytes()
    header["PixelData"].VR = "OB"
    return header, ink > 0


def _plain(element: DataElement) -> list[str]:
    """The values without the padding some devices put inside them."""
    return [str(value).strip() for value in values_of(element.value)]


def _uids(before: Dataset, after: Dataset) -> Iterator[tuple[str, str]]:
    """(old, new) of every UID that names an object, at any depth."""
    for element in after:
        was = before.get(element.tag)
        if was is None or element.tag.is_private:
            continue
        if element.VR == "SQ" and len(was.value) == len(element.value):
            for one, other in zip(was.value, element.value, strict=True):
                yield from _uids(one, other)
        elif element.VR == "UI" and isinstance(was.value, UID) and _is_keyed(was.value) and element.value:
            yield str(was.value), str(element.value)


def _is_keyed(uid: str) -> bool:
    return uid != "" and not uid.startswith(STANDARD)
