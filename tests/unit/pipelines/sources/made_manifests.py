"""KOS manifests of somebody made up, in both dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

NIR = "1.2.250.1.213.1.4.8"
INS = "280067510009772"
"""A woman born in June 1980, who does not exist; the key is right."""

Evidence = Mapping[str, Mapping[str, Sequence[str]]]  # study → series → instances


def manifest(
    evidence: Evidence,
    *,
    uid: str = "1.2.9.1",
    title: str = "113030",
    at: str = "20260301120000",
    url: str = "",
    location: str = "",
    authority: str = NIR,
    ins: str = INS,
) -> bytes:
    """A KOS: with `url`, as a French DRIMbox writes it; with `location`, as the European draft does."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 100"
    made.SOPClassUID, made.SOPInstanceUID = KeyObjectSelectionDocumentStorage, uid
    made.Modality, made.StudyInstanceUID = "KO", next(iter(evidence))
    made.ContentDate, made.ContentTime = at[:8], at[8:]
    made.PatientName, made.PatientBirthDate, made.PatientSex = "KERVADEC^SOAZIG", "19800614", "F"
    made.PatientID, made.IssuerOfPatientID = ins, "ASIP-SANTE-INS-NIR"
    made.IssuerOfPatientIDQualifiersSequence = [_entity(authority)]
    request = Dataset()
    request.AccessionNumber, request.IssuerOfAccessionNumberSequence = "ACQ99812", [_entity("1.2.3.4.5.6")]
    request.StudyInstanceUID = made.StudyInstanceUID
    made.ReferencedRequestSequence = [request]
    concept = Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = title, "DCM", "Manifest"
    made.ConceptNameCodeSequence = [concept]
    made.CurrentRequestedProcedureEvidenceSequence = [
        _study(study, series, url, location) for study, series in evidence.items()
    ]
    if location:
        template = Dataset()
        template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
        made.ContentTemplateSequence = [template]
    return _written(made)


def _study(study: str, series: Mapping[str, Sequence[str]], url: str, location: str) -> Dataset:
    made = Dataset()
    made.StudyInstanceUID = study
    made.ReferencedSeriesSequence = [
        _series(study, uid, instances, url, location) for uid, instances in series.items()
    ]
    return made


def _series(study: str, uid: str, instances: Sequence[str], url: str, location: str) -> Dataset:
    made = Dataset()
    made.SeriesInstanceUID = uid
    if url:
        made.RetrieveURL = f"{url}/studies/{study}/series/{uid}"
    if location:
        made.RetrieveLocationUID, made.Modality = location, "CT"
    made.ReferencedSOPSequence = [_instance(one) for one in instances]
    return made


def _instance(uid: str) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID, made.ReferencedSOPInstanceUID = CTImageStorage, uid
    return made


def _entity(oid: str) -> Dataset:
    made = Dataset()
    made.UniversalEntityID, made.UniversalEntityIDType = oid, "ISO"
    return made


def _written(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    content = BytesIO()
    file = FileDataset(content, dataset, file_meta=meta, preamble=bytes(128))
    file.save_as(content, enforce_file_format=True)
    return content.getvalue()
