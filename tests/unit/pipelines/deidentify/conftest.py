"""Builders of headers, by default a plain CT of somebody with a name to hide."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydicom import Dataset, config
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.policy.policy import Policy

MakeDataset = Callable[..., Dataset]


@pytest.fixture
def subject() -> Subject:
    return Subject(
        person_id=Pseudonym("5eed" * 8), linked=False, date_shift_days=-100, uid_key=bytes(range(32))
    )


@pytest.fixture
def policy() -> Policy:
    return load_policy("basic")


@pytest.fixture
def make_dataset() -> MakeDataset:
    """A CT image of 2 × 2 pixels; keywords set or (None) delete attributes."""

    def build(**attributes: object) -> Dataset:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.1"
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding="utf8")
        defaults = {
            "SpecificCharacterSet": "ISO_IR 192",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SOPClassUID": CTImageStorage,
            "SOPInstanceUID": "1.2.3.4.1",
            "StudyInstanceUID": "1.2.3.4.2",
            "SeriesInstanceUID": "1.2.3.4.3",
            "FrameOfReferenceUID": "1.2.3.4.4",
            "StudyDate": "20240229",
            "StudyTime": "101530.25",
            "Modality": "CT",
            "Manufacturer": "Acme",
            "PatientName": "Quéffelec^Maël",
            "PatientID": "IPP-778899",
            "PatientBirthDate": "19520314",
            "PatientSex": "M",
            "AccessionNumber": "ACC445566",
            "SliceThickness": "1.25",
            "Rows": 2,
            "Columns": 2,
            "SamplesPerPixel": 1,
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 0,
            "PhotometricInterpretation": "MONOCHROME2",
            "PixelData": bytes(8),
        }
        for keyword, value in (defaults | attributes).items():
            if value is not None:
                setattr(dataset, keyword, value)
        if "PixelData" in dataset:
            dataset["PixelData"].VR = "OW"
        return dataset

    return build


@pytest.fixture(autouse=True)
def values_as_devices_write_them() -> Iterator[None]:
    """Devices break the rules of VRs, so tests must be able to."""
    settings = config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = config.IGNORE
    yield
    settings.reading_validation_mode, settings.writing_validation_mode = before
