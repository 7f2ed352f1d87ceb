"""A patient's values are planted wherever a file has room; none may be in the bytes that are written."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pydicom
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from reference_path import deidentify

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.file_format import encode
from federim_pipelines.deidentify.policy.compilation import compile_policy, load_policy
from federim_pipelines.deidentify.policy.files import NAMES
from federim_pipelines.deidentify.policy.policy import Action, Policy

MakeDataset = Callable[..., Dataset]

NAME, PATIENT_ID, OTHER_ID, BIRTH, ACCESSION = "QUEFFELEC", "IPP-778899", "NIP443322", "19520314", "ACC445566"
CANARIES = (NAME, "Queffelec", "Quéffelec", "QUÉFFELEC", "MAEL", "Maël", "778899", "443322", BIRTH, "445566")
NURSE = "KERGOAT"  # somebody else, whom no header lists: only the rules can stop that name
STRANGER = "1.2.840.99.19520314.778899"


def _item(**attributes: object) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


@pytest.fixture
def planted(make_dataset: MakeDataset) -> Dataset:
    """A CT with the patient's values in every kind of place."""
    dataset = make_dataset(
        PatientName=f"{NAME}^MAEL=Quéffelec^Maël",
        PatientID=PATIENT_ID,
        OtherPatientIDs=[OTHER_ID],
        OtherPatientIDsSequence=Sequence([_item(PatientID=OTHER_ID, IssuerOfPatientID=NURSE)]),
        OtherPatientNames=f"{NAME}^M",
        PatientBirthName=NAME,
        PatientAddress=f"3 rue {NAME}, Brest",
        PatientComments=f"M. {NAME} {PATIENT_ID}",
        PatientWeight="81.5",
        AdditionalPatientHistory=f"{NAME} born {BIRTH}",
        ReferringPhysicianName=NURSE,
        OperatorsName=NURSE,
        InstitutionName=NURSE,
        StationName=NURSE,
        StudyDescription=NAME,
        SeriesDescription=f"{NURSE} {NAME}",
        ProtocolName=f"{NURSE} {NAME}",
        AcquisitionProtocolName=f"{NURSE} {NAME}",
        ImageComments=NAME,
        StudyID=PATIENT_ID,
        RequestingPhysician=NURSE,
        # Technical text passes, but not with the patient in it.
        Manufacturer=f"Acme {NAME.lower()}",
        ManufacturerModelName=f"Scan{NAME}",
        SoftwareVersions=["1.0", f"{NAME}/2"],
        ConvolutionKernel=PATIENT_ID,
        SequenceName="ipp 77.88.99",
        # Unlisted text, of every VR.
        DeviceID=f"{NURSE} {NAME}",
        GridID=NURSE,
        FilterMaterial=NAME,
        WindowCenterWidthExplanation=NURSE,
        GridAbsorbingMaterial=NURSE,
        PixelDataProviderURL=f"http://pacs/{NURSE}/{NAME}",
        TextValue=NURSE,
        LongCodeValue=NAME,
        # Code strings: neither names nor what is not one.
        BodyPartExamined=NAME,
        ScanOptions=["HELIX", NAME, "Mme Kergoat"],
        PatientPosition="kergoat",
        ImageType=["ORIGINAL", "PRIMARY", PATIENT_ID.replace("-", "_")],
        # Numbers, ages, dates and times that are not.
        AcquisitionNumber="778899",
        KVP=BIRTH,
        ContentDate=NAME,
        AcquisitionTime=NAME,
        AcquisitionDateTime=f"{NAME}20240101",
        PatientAge=BIRTH[:4],
        # References and codes.
        ReferencedImageSequence=Sequence(
            [_item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=STRANGER)]
        ),
        AnatomicRegionSequence=Sequence(
            [
                _code("T-D4000", "SRT", f"Abdomen of {NAME} {NURSE}"),
                _code(NAME, "99ACME", NAME),
                _code("X1", "L", NURSE),
            ]
        ),
        RequestAttributesSequence=Sequence(
            [_item(ScheduledProcedureStepDescription=NAME, RequestedProcedureID=PATIENT_ID)]
        ),
        SourceImageSequence=Sequence(
            [
                _item(
                    ReferencedSOPInstanceUID=STRANGER,
                    PurposeOfReferenceCodeSequence=Sequence([_code("1", NAME, NURSE)]),
                )
            ]
        ),
        CTDIPhantomTypeCodeSequence=Sequence(
            [
                _item(
                    AnatomicRegionSequence=Sequence(
                        [_item(PatientName=NAME, DeviceID=NAME, TextComments=NURSE)]
                    )
                )
            ]
        ),
        ICCProfile=b"\0\0desc" + NAME.encode("utf-16-be") + b"\0" * 3,
        DigitalSignaturesSequence=Sequence([_item(CertificateOfSigner=NAME.encode())]),
        DataSetTrailingPadding=f"{NAME} {NURSE} {PATIENT_ID}  ".encode(),
    )
    dataset.add_new(0x00091001, "LO", NAME)
    dataset.private_block(0x0029, "ACME 1", create=True).add_new(
        0x10, "OB", f"{NAME} {NURSE}".encode() + b"\0"
    )
    dataset[0x00082218].value[0].private_block(0x0011, NAME, create=True).add_new(1, "SH", NURSE)
    for tag, vr, value in (
        (0x00080000, "UL", 44),
        (0x00100000, "UL", 19520314),
        (0x00181150, "IS", NAME),
        (0x00180088, "DS", f"{NAME}.1"),
        (0x00187FFE, "LO", f"{NAME} {NURSE}"),  # a public tag no dictionary holds
        (0x00181008, "UN", NAME.encode() + b"\0"),
        (0x00281199, "OB", NURSE.encode() + b"\0"),
        (0x00340005, "OB", NAME.encode() + b"\0"),
        (0x00187FF0, "OB", NAME.encode() + b"\0"),
        (0x50000022, "LO", NAME),
        (0x50003000, "OW", NAME.encode() + b"\0"),
        (0x60000010, "US", 8),
        (0x60000022, "LO", f"{NAME} {NURSE}"),
        (0x60001500, "LO", NURSE),
        (0x60004000, "LT", NAME),
        (0x60003000, "OW", NURSE.encode() + b"\0"),
    ):
        dataset.add(DataElement(tag, vr, value, already_converted=True))
    dataset.preamble = f"{NAME} {NURSE} {PATIENT_ID}".encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = NURSE
    dataset.file_meta.ImplementationVersionName = NAME
    dataset.file_meta.PrivateInformationCreatorUID = STRANGER
    dataset.file_meta.PrivateInformation = f"{NAME} {NURSE}".encode() + b"\0"
    return dataset


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_no_planted_value_is_in_the_bytes(
    planted: Dataset, subject: Subject, name: str, encoding: str
) -> None:
    planted.file_meta.TransferSyntaxUID = encoding
    buffer = BytesIO()
    dcmwrite(buffer, planted, implicit_vr=None, enforce_file_format=True)
    original = buffer.getvalue()
    assert NAME.encode() in original and NURSE.encode() in original, "the canaries are not in the cage"

    written = encode(deidentify(pydicom.dcmread(BytesIO(original)), subject, load_policy(name)))

    for spelling in (written, written.upper(), written.replace(b"\0", b"")):
        for canary in (*CANARIES, NURSE, "Kergoat", "IPP", "Brest", STRANGER, "1.2.3.4"):
            assert canary.encode() not in spelling, canary
            assert canary.encode("latin-1") not in spelling, canary


def test_what_research_needs_is_still_there(planted: Dataset, subject: Subject, policy: Policy) -> None:
    clean = pydicom.dcmread(BytesIO(encode(deidentify(planted, subject, policy))))
    assert (clean.Modality, clean.SliceThickness, clean.Rows) == ("CT", 1.25, 2)
    assert list(clean.ImageType) == ["ORIGINAL", "PRIMARY", ""]
    assert list(clean.ScanOptions) == ["HELIX", "", ""]
    assert list(clean.SoftwareVersions) == ["1.0", ""]
    assert clean.PixelData == planted.PixelData
    assert not [element.tag for element in clean if element.tag >> 24 in (0x50, 0x60)], (
        "a plane without its data"
    )
    assert clean.AnatomicRegionSequence[0].CodeMeaning == "Abdominal structure (body structure)"
    assert clean.AnatomicRegionSequence[2].CodeMeaning == "X1"


def test_a_site_cannot_keep_a_value_that_is_the_patients_own(
    make_dataset: MakeDataset, subject: Subject
) -> None:
    """A policy that keeps a description means the description, not the name somebody typed there."""
    lenient = compile_policy("lenient", frozenset(), {0x0008103E: Action.KEEP, 0x00081030: Action.KEEP})
    dataset = make_dataset(SeriesDescription="T1 queffelec", StudyDescription="T1 coronal")
    clean = deidentify(dataset, subject, lenient)
    assert clean.SeriesDescription == ""
    assert clean.StudyDescription == "T1 coronal"
