"""How a pydicom dataset is encoded, and the bytes of the file it makes."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from federim.model.errors import InputError
from federim_pipelines.deidentify.part10 import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION


def transfer_syntax(dataset: Dataset) -> UID | None:
    """How a dataset that was read is encoded; None if Federim cannot write that encoding.

    The bytes win over what a native file says of itself: some say Implicit VR and are Explicit.
    """
    declared = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if declared is not None and UID(declared) != DeflatedExplicitVRLittleEndian:
        declared = UID(declared)
        if not declared.is_transfer_syntax or declared.is_private:
            return None
        if declared.is_compressed:
            return declared
    elif declared is not None:
        return UID(declared)
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian if little else None
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def file_meta(source: Dataset, clean: Dataset) -> FileMetaDataset:
    """File meta information that owes `source` its transfer syntax alone.

    Raises
    ------
    InputError
        The transfer syntax is private or unknown.

    References
    ----------
    DICOM PS3.10, 7.1.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = clean.SOPClassUID
    meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
    encoding = transfer_syntax(source)
    if encoding is None:
        raise InputError("TransferSyntaxUID (0002,0010): not one that can be written; convert the file first")
    meta.TransferSyntaxUID = encoding
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    return meta


def encode(clean: Dataset) -> bytes:
    """The whole file: preamble, file meta, dataset. Equal datasets give equal bytes.

    Raises
    ------
    ValueError
        The dataset is not what its file meta says.
    """
    buffer = BytesIO()
    dcmwrite(buffer, clean, enforce_file_format=True)
    return buffer.getvalue()
