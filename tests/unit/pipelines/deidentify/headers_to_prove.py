"""Headers as a device writes them and as they go out, for the tests of the proof."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, config, dcmwrite
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian


def header(encoding: UID = ExplicitVRLittleEndian, **values: object) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = encoding
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Modality = "CT"
    dataset.Manufacturer = "GE MEDICAL SYSTEMS"
    dataset.PixelSpacing = [0.48828125, 0.48828125]
    for keyword, value in values.items():
        if isinstance(value, list) and value and isinstance(value[0], Dataset):
            setattr(dataset, keyword, value)
        else:
            vr = dictionary_VR(keyword)
            dataset.add(DataElement(keyword, vr, value, validation_mode=config.IGNORE))  # as devices do
    return dataset


def written(dataset: Dataset) -> bytes:
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "2.25.1")
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def device(encoding: UID = ExplicitVRLittleEndian) -> Dataset:
    return header(
        encoding,
        PatientName="Lefèbvre-Dupont^Hélène^Zoé",
        PatientBirthName="Müller",
        PatientID="IPP-00778899",
        PatientBirthDate="19500412",
        PatientAddress="12 rue des Lilas, 75013 Paris",
        PatientTelephoneNumbers="+33 6 12 34 56 78",
        AccessionNumber="A2019-55012",
        InstitutionName="Hôpital Saint-Antoine",
        ReferringPhysicianName="Kowalczyk^Anna",
        StudyInstanceUID="1.2.250.1.59.3.1",
        SeriesInstanceUID="1.2.250.1.59.3.1.7",
        SOPInstanceUID="1.2.250.1.59.3.1.7.42",
        FrameOfReferenceUID="1.2.250.1.59.9.9.9",
    )


def clean(**values: object) -> Dataset:
    return header(
        PatientID="0123456789abcdef0123456789abcdef",
        SOPInstanceUID="2.25.329800735698586629295641978511506172918",
        **values,
    )
