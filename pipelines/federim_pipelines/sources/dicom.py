"""Read one DICOM file: refuse it, or make of it a de-identified object and its rows."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom import Dataset, config
from pydicom.dataelem import RawDataElement
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID

from federim.keys import keyed
from federim.lake.images import store
from federim.model.errors import IdentityError
from federim.model.identifiers import Subject
from federim_pipelines.deidentify.classes import why_refused
from federim_pipelines.deidentify.elements import deidentify
from federim_pipelines.deidentify.part10 import encode, transfer_syntax
from federim_pipelines.extract.imaging import rows_of
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Item, Outcome, Reason, Record, Refusal
from federim_pipelines.sources.archive import listing, why_member_refused
from federim_pipelines.sources.content import opened
from federim_pipelines.sources.dicom_patient import identity_of
from federim_pipelines.sources.sniff import HEAD_BYTES, Kind, sniff

if TYPE_CHECKING:
    from federim_pipelines.worker import Worker

KIND = "folder"
_REQUIRED = {
    "SOPClassUID": "(0008,0016)",
    "SOPInstanceUID": "(0008,0018)",
    "StudyInstanceUID": "(0020,000D)",
    "SeriesInstanceUID": "(0020,000E)",
}
_UNDEFINED = 0xFFFFFFFF
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData", "SpectroscopyData", "PixelDataProviderURL")


def read(item: Item, worker: Worker) -> Outcome:
    """The record of one instance, its object stored; or one refusal.

    Raises
    ------
    FederimError
        Of the vault, the lake or the disk: it concerns the run, not this file.
    Exception
        Whatever pydicom raises on a damage nobody foresaw; its text may quote the file.
    """
    try:
        with _quiet():
            return Outcome(item, [_record(item, worker)], [])
    except Unusable as unusable:
        return Outcome(item, [], [Refusal(reason=unusable.reason, detail=unusable.detail)])


def _record(item: Item, worker: Worker) -> Record:
    dataset = _parse(_content(item))
    _check(dataset)
    subject = _subject(dataset, worker)
    clean = deidentify(dataset, subject, worker.policy)
    content = encode(clean)
    stored = store(worker.home, content)
    instance = str(dataset.SOPInstanceUID).strip()
    return Record(
        key=keyed(worker.record_key, "instance", instance)[:16],
        content=hashlib.sha256(content).digest()[:16],
        rows=rows_of(dataset, clean, subject, stored=stored, site=worker.home.name, year=worker.year),
        conflict=Reason.INSTANCE_CONFLICT,
        object_path=stored.path,
    )


def _content(item: Item) -> bytes:
    """All bytes of a file that begins as DICOM does."""
    if item.member and (refused := why_member_refused(item.path, item.member)):
        raise Unusable(Reason.UNREADABLE, refused)
    try:
        with opened(item) as file:
            head = file.read(HEAD_BYTES)
            kind = sniff(head)
            if kind is Kind.DICOM:
                return head + file.read()
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise Unusable(Reason.UNREADABLE, type(error).__name__) from None
    if kind is Kind.EMPTY:
        raise Unusable(Reason.EMPTY, "")
    if kind is Kind.ZIP and not item.member:
        raise Unusable(Reason.UNREADABLE, listing(item.path).refused or "archive without a member")
    raise Unusable(Reason.NOT_SUPPORTED, "archive inside an archive" if kind is Kind.ZIP else "")


def _parse(content: bytes) -> Dataset:
    """The dataset of a file.

    pydicom tells of a stream that ends too soon only in its strict mode, which also refuses files that are
    merely wrong about themselves; those are read again without it.
    """
    try:
        with _validation(config.RAISE):
            return pydicom.dcmread(BytesIO(content), force=True)
    except EOFError:
        raise Unusable(Reason.TRUNCATED, "end of file inside an element") from None
    except Exception:
        try:
            return pydicom.dcmread(BytesIO(content), force=True)
        except Exception as error:  # pydicom's messages quote values
            raise Unusable(Reason.UNREADABLE, type(error).__name__) from None


def _check(dataset: Dataset) -> None:
    """Refuse what is incomplete, what the policy lets no object of in, and what cannot be written again."""
    _check_complete(dataset)
    for keyword, tag in _REQUIRED.items():
        if not str(dataset.get(keyword) or "").strip(" \0"):
            raise Unusable(Reason.UID_MISSING, f"{keyword} {tag}")
    refused = why_refused(dataset)
    if refused:
        raise Unusable(Reason.POLICY, refused)
    encoding = transfer_syntax(dataset)
    if encoding is None:
        raise Unusable(Reason.NOT_SUPPORTED, "TransferSyntaxUID (0002,0010)")
    _check_pixels(dataset, encoding)


def _check_complete(dataset: Dataset) -> None:
    """Refuse a file cut inside its last element; pydicom gives such an element the bytes there are."""
    for element in dataset.values():
        if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
            continue
        if len(element.value or b"") < element.length:
            raise Unusable(Reason.TRUNCATED, f"({element.tag.group:04X},{element.tag.element:04X})")


def _check_pixels(dataset: Dataset, encoding: UID) -> None:
    """Refuse an image without pixels, or with fewer than its rows, columns and frames ask for."""
    present = next((keyword for keyword in _PIXELS if keyword in dataset), None)
    if present is None:
        if dataset.get("Rows") and dataset.get("Columns"):
            raise Unusable(Reason.TRUNCATED, "PixelData (7FE0,0010) is absent")
    elif present == "PixelData" and not encoding.is_compressed:
        try:
            expected, found = int(get_expected_length(dataset)), len(dataset.PixelData)
        except (AttributeError, TypeError, ValueError):
            raise Unusable(Reason.UNREADABLE, "an attribute of the pixels' shape") from None
        if found < expected:
            raise Unusable(Reason.TRUNCATED, f"PixelData (7FE0,0010): {found} bytes of {expected}")


def _subject(dataset: Dataset, worker: Worker) -> Subject:
    identity = identity_of(dataset)
    if identity is None:
        raise Unusable(Reason.PATIENT_UNKNOWN, "PatientID (0010,0020)")
    try:
        return worker.exchange.learn(identity)
    except IdentityError:
        raise Unusable(
            Reason.IDENTITY_REFUSED, "PatientID (0010,0020) or OtherPatientIDsSequence (0010,1002)"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom from checking, and so from quoting, the values it reads and writes."""
    disabled, config.logger.disabled = config.logger.disabled, True
    try:
        with _validation(config.IGNORE), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.logger.disabled = disabled


@contextmanager
def _validation(mode: int) -> Iterator[None]:
    settings = config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = mode
    try:
        yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = before
