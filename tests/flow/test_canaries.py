"""Sixty and more markers, one a place, in a folder of files; nothing that is written holds any of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import FileSet
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    UltrasoundImageStorage,
)
from rapidocr import RapidOCR

from federim_pipelines.deidentify.tree.run import deidentify_tree

pytestmark = pytest.mark.filterwarnings(
    "ignore:Implicitly cleaning up:ResourceWarning"  # pydicom's FileSet, of a folder of its own
)

NAME = "Quéffélec"
UID = "1.2.250.99.4242"


class Cage:
    """Hands out markers, each a word no vocabulary holds, and remembers where each was put."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        number = len(self.places)
        marker = f"Zvq{chr(97 + number // 26)}{chr(97 + number % 26)}wkx"
        self.places[marker] = place
        return marker


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _raw(dataset: Dataset, tag: int, vr: str, value: object) -> None:
    dataset.add(DataElement(tag, vr, value, already_converted=True))


def _object(cage: Cage, sop_class: str, number: int, modality: str) -> Dataset:
    """A patient's object with what every module lets one type."""
    what = f"{modality} {number}"
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, f"{UID}.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{UID}.1.{number}", f"{UID}.2.{number}"
    dataset.Modality, dataset.StudyDate, dataset.StudyTime = modality, "20240229", "101530"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"{NAME}^{cage(f'PatientName of {what}')}"
    dataset.PatientID = cage(f"PatientID of {what}")
    dataset.PatientBirthDate = "19520314"
    return dataset


def _code(cage: Cage, place: str) -> Dataset:
    return _item(
        CodeValue="T-D4000", CodingSchemeDesignator="SRT", CodeMeaning=cage(f"CodeMeaning of {place}")
    )


def _ct(cage: Cage) -> Dataset:
    ct = _object(cage, CTImageStorage, 1, "CT")
    for keyword in (
        *(
            "PatientBirthName",
            "PatientMotherBirthName",
            "PatientAddress",
            "PatientComments",
            "CountryOfResidence",
        ),
        *("RegionOfResidence", "MilitaryRank", "BranchOfService", "Occupation", "PatientReligiousPreference"),
        *(
            "PatientTelephoneNumbers",
            "OtherPatientNames",
            "ReferringPhysicianName",
            "ReferringPhysicianAddress",
        ),
        *("ReferringPhysicianTelephoneNumbers", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy"),
        *("PerformingPhysicianName", "OperatorsName", "RequestingPhysician", "RequestingService"),
        *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName"),
        *("AccessionNumber", "StudyID", "AdmissionID", "IssuerOfPatientID", "StudyDescription"),
        *("SeriesDescription", "ProtocolName", "AcquisitionProtocolName", "AcquisitionProtocolDescription"),
        *("ImageComments", "AdditionalPatientHistory", "Allergies", "MedicalAlerts", "DerivationDescription"),
        *("RequestedProcedureDescription", "RequestedProcedureComments", "PerformedProcedureStepDescription"),
        *(
            "CommentsOnThePerformedProcedureStep",
            "PatientState",
            "SpecialNeeds",
            "ReasonForStudy",
            "StudyComments",
        ),
        *("DeviceSerialNumber", "PlateID", "CassetteID", "ClinicalTrialSubjectID", "ClinicalTrialSiteName"),
        *("ResponsiblePerson", "ResponsibleOrganization", "BodyPartExamined"),
    ):
        value = cage(keyword)
        setattr(ct, keyword, value.upper() if keyword == "BodyPartExamined" else value)
    ct.OtherPatientIDs = [cage("first of OtherPatientIDs"), cage("second of OtherPatientIDs")]
    ct.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ct.OtherPatientIDsSequence = Sequence([_item(PatientID=cage("OtherPatientIDsSequence"))])
    ct.RequestAttributesSequence = Sequence(
        [
            _item(
                ScheduledProcedureStepDescription=cage("RequestAttributesSequence"),
                ReasonForTheRequestedProcedure=cage("a reason"),
            )
        ]
    )
    ct.ContributingEquipmentSequence = Sequence(
        [
            _item(
                InstitutionName=cage("ContributingEquipmentSequence"),
                ContributionDescription=cage("ContributionDescription"),
            )
        ]
    )
    ct.OriginalAttributesSequence = Sequence(
        [
            _item(
                ModifyingSystem=cage("ModifyingSystem"),
                ModifiedAttributesSequence=Sequence([_item(PatientName=cage("OriginalAttributesSequence"))]),
            )
        ]
    )
    ct.AnatomicRegionSequence = Sequence([_code(cage, "AnatomicRegionSequence")])
    ct.SourceImageSequence = Sequence(
        [
            _item(
                ReferencedSOPInstanceUID=f"{UID}.3",
                PurposeOfReferenceCodeSequence=Sequence([_code(cage, "a purpose")]),
            )
        ]
    )
    ct.ReferencedStudySequence = Sequence([_item(ReferencedSOPInstanceUID=f"{UID}.4")])
    deep = _item(TextComments=cage("three deep"), DeviceID=cage("unlisted, three deep"))
    ct.CTDIPhantomTypeCodeSequence = Sequence(
        [_item(AnatomicRegionSequence=Sequence([_item(AnatomicRegionModifierSequence=Sequence([deep]))]))]
    )
    ct.private_block(0x0029, cage("a private creator"), create=True).add_new(1, "LO", cage("private text"))
    safe = ct.private_block(0x0043, "GEMS_PARM_01", create=True)
    safe.add_new(0x10, "OB", cage("private bytes").encode() + b"\0")
    safe.add_new(0x27, "SH", cage("the place of a safe private attribute"))
    nested = _item(PatientName=cage("private sequence"))
    nested.private_block(0x0011, "ACME", create=True).add_new(1, "LT", cage("private in a private sequence"))
    ct.private_block(0x0031, "ACME", create=True).add_new(2, "SQ", Sequence([nested]))
    blob = DicomBytesIO()
    blob.is_little_endian, blob.is_implicit_VR = True, True
    write_dataset(blob, _item(PatientName=cage("a dataset in UN")))
    _raw(ct, 0x00181008, "UN", blob.getvalue())
    for tag, vr, place in (
        (0x50000022, "LO", "curve description"), (0x60000022, "LO", "overlay description"),
        (0x60001500, "LO", "overlay label"), (0x60004000, "LT", "overlay comments"),
        (0x00187FFE, "LO", "a tag no dictionary holds"), (0x40000010, "LT", "retired Arbitrary"),
        (0x40004000, "LT", "retired TextComments"), (0x00080024, "DA", "a date that is a word"),
        (0x00181150, "IS", "a number that is a word"), (0x00401008, "LO", "ConfidentialityCode"),
    ):  # fmt: skip
        _raw(ct, tag, vr, cage(place))
    _raw(ct, 0x60000010, "US", 8)
    _raw(ct, 0x60003000, "OW", cage("overlay data").encode() + b"\0")
    _raw(ct, 0x00280106, "OW", cage("bytes in the place of a number").encode() + b"\0")
    _raw(ct, 0x00100000, "UL", int.from_bytes(b"Zvq!", "little"))
    _raw(ct, 0xFFFCFFFC, "OB", cage("trailing padding").encode() + b"\0")
    ct.DigitalSignaturesSequence = Sequence([_item(CertificateOfSigner=cage("signature").encode() + b"\0")])
    ct.preamble = cage("preamble").encode().ljust(128, b"\0")
    ct.file_meta.SourceApplicationEntityTitle = cage("source AE")
    ct.file_meta.PrivateInformationCreatorUID = f"{UID}.5"
    ct.file_meta.PrivateInformation = cage("private information").encode() + b"\0"
    ct.Rows = ct.Columns = 2
    ct.SamplesPerPixel, ct.BitsAllocated, ct.BitsStored, ct.HighBit = 1, 16, 12, 11
    ct.PixelRepresentation, ct.PhotometricInterpretation = 0, "MONOCHROME2"
    ct.PixelData = bytes(8) + cage("bytes after the pixels").encode() + b"\0"
    ct["PixelData"].VR = "OW"
    return ct


def _named(number: int, character_set: str, name: str) -> Dataset:
    """A plain CT of somebody whose name is written in a character set, also where a description should be."""
    ct = _object(Cage(), CTImageStorage, number, "CT")
    ct.SpecificCharacterSet = character_set.split("\\")
    ct.PatientName, ct.PatientID = name, f"charset{number}"
    ct.SeriesDescription = ct.Manufacturer = ct.PatientComments = name.replace("^", " ")
    ct.Rows = ct.Columns = 2
    ct.SamplesPerPixel, ct.BitsAllocated, ct.BitsStored, ct.HighBit = 1, 16, 12, 11
    ct.PixelRepresentation, ct.PhotometricInterpretation, ct.PixelData = 0, "MONOCHROME2", bytes(8)
    ct["PixelData"].VR = "OW"
    return ct


def _report(cage: Cage) -> Dataset:
    sr = _object(cage, BasicTextSRStorage, 20, "SR")
    sr.VerifyingObserverSequence = Sequence(
        [
            _item(
                VerifyingObserverName=cage("VerifyingObserver"),
                VerifyingOrganization=cage("VerifyingOrganization"),
                VerificationDateTime="20240229",
            )
        ]
    )
    text = _item(
        RelationshipType="CONTAINS", ValueType="TEXT", TextValue=cage("TEXT"),
        ConceptNameCodeSequence=Sequence([_code(cage, "a TEXT")]),
    )  # fmt: skip
    person = _item(
        RelationshipType="HAS OBS CONTEXT", ValueType="PNAME", PersonName=cage("PNAME"),
        ConceptNameCodeSequence=Sequence([_code(cage, "a PNAME")]),
    )  # fmt: skip
    inner = _item(
        RelationshipType="CONTAINS", ValueType="CONTAINER", ContentSequence=Sequence([text]),
        ConceptNameCodeSequence=Sequence([_code(cage, "a nested container")]),
    )  # fmt: skip
    reference = _item(
        RelationshipType="CONTAINS", ValueType="UIDREF", UID=f"{UID}.6",
        ConceptNameCodeSequence=Sequence([_code(cage, "a UIDREF")]),
    )  # fmt: skip
    sr.ValueType, sr.ContinuityOfContent = "CONTAINER", "SEPARATE"
    sr.ConceptNameCodeSequence = Sequence([_code(cage, "a report's title")])
    sr.ContentSequence = Sequence([person, inner, reference])
    sr.CompletionFlag, sr.VerificationFlag = "COMPLETE", "VERIFIED"
    return sr


def _presentation(cage: Cage) -> Dataset:
    state = _object(cage, GrayscaleSoftcopyPresentationStateStorage, 21, "PR")
    state.ContentLabel, state.ContentDescription = "LABEL", cage("ContentDescription")
    state.ContentCreatorName = cage("ContentCreatorName")
    state.GraphicLayerSequence = Sequence(
        [
            _item(
                GraphicLayer="LAYER",
                GraphicLayerOrder=1,
                GraphicLayerDescription=cage("GraphicLayerDescription"),
            )
        ]
    )
    state.GraphicAnnotationSequence = Sequence(
        [
            _item(
                GraphicLayer="LAYER",
                TextObjectSequence=Sequence([_item(UnformattedTextValue=cage("UnformattedTextValue"))]),
            )
        ]
    )
    return state


def _document(cage: Cage) -> Dataset:
    pdf = _object(cage, EncapsulatedPDFStorage, 22, "DOC")
    pdf.DocumentTitle, pdf.MIMETypeOfEncapsulatedDocument = cage("DocumentTitle"), "application/pdf"
    pdf.EncapsulatedDocument = f"%PDF {cage('bytes of a document')}".encode().ljust(40)
    return pdf


def _key_objects(cage: Cage) -> Dataset:
    kos = _object(cage, KeyObjectSelectionDocumentStorage, 23, "KO")
    kos.ContentSequence = Sequence([_item(ValueType="TEXT", TextValue=cage("a KOS"))])
    return kos


def _ultrasound(cage: Cage, words: str) -> Dataset:
    us = _object(cage, UltrasoundImageStorage, 24, "US")
    picture = np.random.default_rng(7).normal(60, 8, (480, 640)).clip(0, 255).astype(np.uint8)
    picture[:60] = 0
    cv2.putText(picture, words, (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2)
    us.Rows, us.Columns, us.SamplesPerPixel, us.BitsAllocated = 480, 640, 1, 8
    us.BitsStored, us.HighBit, us.PixelRepresentation = 8, 7, 0
    us.PhotometricInterpretation, us.PixelData = "MONOCHROME2", picture.tobytes()
    us["PixelData"].VR = "OB"
    return us


WORDS = "MARCHANDEAU Odile 14/03/1952"
NAMES = {
    30: ("ISO_IR 100", NAME),
    31: ("ISO_IR 192", NAME),
    32: ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎"),
    33: ("GB18030", "Wang^XiaoDong=王^小东"),
    34: ("ISO_IR 144", "Люкceмбypг"),
}


@pytest.fixture
def cage() -> Cage:
    return Cage()


@pytest.fixture
def source(cage: Cage, tmp_path: Path) -> Path:
    """A folder of all of them, in both encodings, with a DICOMDIR and telling names."""
    folder = tmp_path / "in" / cage("a folder's name")
    folder.mkdir(parents=True)
    for number, (character_set, name) in NAMES.items():
        _write(_named(number, character_set, name), folder / f"{number}.dcm", implicit=False)
    _write(_ct(cage), folder / f"{cage('a file name')}.dcm", implicit=False)
    _write(_ct(cage), folder / "0001.dcm", implicit=True)
    for number, made in enumerate((_report, _presentation, _document, _key_objects)):
        _write(made(cage), folder / f"1{number}", implicit=False)
    _write(_ultrasound(cage, WORDS), folder / "20.dcm", implicit=False)
    files = FileSet()
    files.add(_index(cage))
    files.write(tmp_path / "in" / "media")
    files._stage["t"].cleanup()  # pydicom leaves that to the collector, whose warning fails another test
    return tmp_path / "in"


def _index(cage: Cage) -> Dataset:
    """An object for a DICOMDIR, which repeats its patient's name and identifier."""
    ct = _named(40, "ISO_IR 192", "")
    ct.PatientName, ct.PatientID = cage("PatientName in a DICOMDIR"), cage("PatientID in a DICOMDIR")
    ct.SeriesNumber, ct.InstanceNumber, ct.StudyID, ct.AccessionNumber = 1, 1, "1", ""
    del ct.SeriesDescription, ct.Manufacturer, ct.PatientComments
    return _whole(ct, implicit=False)


def _whole(dataset: Dataset, *, implicit: bool) -> Dataset:
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _write(dataset: Dataset, path: Path, *, implicit: bool) -> None:
    _whole(dataset, implicit=implicit)
    dcmwrite(path, dataset, implicit_vr=implicit, little_endian=True, enforce_file_format=True)


def _spellings(word: str) -> Iterator[bytes]:
    for text in {word, word.lower(), word.upper()}:
        for codec in ("latin-1", "utf-8", "utf-16-le", "iso2022_jp", "gb18030", "iso8859_5", "shift_jis"):
            try:
                yield text.encode(codec)
            except UnicodeEncodeError:
                continue


def test_no_marker_is_in_a_byte_of_what_is_written(cage: Cage, source: Path, tmp_path: Path) -> None:
    assert len(cage.places) > 100
    put = b"".join(path.read_bytes() for path in source.rglob("*") if path.is_file())
    names = " ".join(str(path) for path in source.rglob("*"))
    for marker, place in cage.places.items():
        assert any(spelled in put for spelled in _spellings(marker)) or marker in names, (
            f"not planted: {place}"
        )

    report = deidentify_tree(source, tmp_path / "out", key=bytes(range(32)))

    written = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert {reason.value: count for reason, count in report.reasons.items()} == {"policy": 2}, (
        "the PDF and the KOS"
    )
    assert len(written) == len(NAMES) + 6
    content = b"".join(path.read_bytes() for path in written) + str(written).encode()
    told = {
        place
        for marker, place in cage.places.items()
        if any(spelled in content for spelled in _spellings(marker))
    }
    assert not told
    for _, name in NAMES.values():
        for part in re.split(r"[\^=]", name):
            assert not [spelled for spelled in _spellings(part) if len(spelled) > 3 and spelled in content], (
                part
            )
    assert UID.encode() not in content
    assert report.hits == 0, "and the proof had nothing to hold back"


def test_no_word_is_left_in_the_pixels(cage: Cage, source: Path, tmp_path: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and path.name != "20.dcm":
            path.unlink()
    assert "MARCHANDEAU" in _read(next(source.rglob("20.dcm")))
    deidentify_tree(source, tmp_path / "out", key=bytes(range(32)))
    (written,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not _read(written)


def _read(path: Path) -> str:
    """All words that RapidOCR reads in an image, asked without Federim."""
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    found = RapidOCR()(np.stack([pydicom.dcmread(path).pixel_array] * 3, axis=-1))
    return " ".join(found.txts or ())
