"""Read a KOS manifest, in the dialect of the French DRIMbox or of the European draft."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from io import BytesIO
from typing import Any, Final

import pydicom
from pydicom.uid import KeyObjectSelectionDocumentStorage

from federim.model.errors import InputError
from federim.model.identifiers import IdentityStatus, PatientIdentity
from federim_pipelines.sources.dicom_patient import identity_of

LARGEST_BYTES: Final = 64 << 20  # of a manifest: 400,000 references

MANIFEST_TITLE: Final = "113030"
# Rejected for quality, for patient safety; incorrect worklist entry; retention expired (PS3.16, CID 7011).
REJECTIONS: Final = frozenset({"113001", "113037", "113038", "113039"})


class Dialect(StrEnum):
    """How a manifest says where its series are."""

    DRIMBOX = "drimbox"  # RetrieveURL of each series
    XT_EHR = "xt-ehr"  # RetrieveLocationUID, which names a source


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReference:
    """One series, and where it is."""

    SeriesInstanceUID: str
    Modality: str | None
    RetrieveURL: str | None = field(repr=False)
    RetrieveLocationUID: str | None
    instances: tuple[str, ...] = field(repr=False)  # SOPInstanceUIDs


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReference:
    """One study of the evidence."""

    StudyInstanceUID: str
    series: tuple[SeriesReference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a KOS says. Never stored: it carries the INS, the name and the address."""

    SOPInstanceUID: str
    title: str  # DCM code of the document title
    dialect: Dialect
    written: dt.datetime  # ContentDate and ContentTime; in UTC where it tells no TimezoneOffsetFromUTC
    studies: tuple[StudyReference, ...]
    identity: PatientIdentity | None = field(repr=False)
    patient_values: frozenset[str] = field(repr=False)  # what no output may show

    @property
    def rejects(self) -> bool:
        """Whether it takes back what it names (IHE IOCM)."""
        return self.title in REJECTIONS

    @property
    def instances(self) -> tuple[str, ...]:
        """Every SOPInstanceUID it names, in its order."""
        return tuple(
            instance for study in self.studies for series in study.series for instance in series.instances
        )


def read_manifest(content: bytes, *, issuer: str = "") -> Manifest:
    """The manifest in a Part 10 file.

    The INS is taken as qualified: a document of the national record (DMP) is filed under no other. Other
    patient numbers are `issuer`'s unless the manifest says whose they are.

    Raises
    ------
    InputError
        It is no Key Object Selection, or lacks an identifier, a title or any evidence; the message names
        the attribute.

    References
    ----------
    DICOM PS3.3, A.35.4 and C.17.6.2; PS3.16, TID 2010; IHE RAD, XDS-I.b, 4.68.4.1.2.2 and IOCM; ANS,
    spécifications DRIMbox; HL7 Europe, Imaging Manifest.
    """
    if len(content) > LARGEST_BYTES:
        raise InputError(f"{len(content):,} bytes; a manifest has at most {LARGEST_BYTES:,}")
    try:
        dataset = pydicom.dcmread(BytesIO(content))
        return _manifest(dataset, issuer)
    except InputError:
        raise
    except Exception as error:  # pydicom raises many kinds, and their text may quote the file
        raise InputError(f"not a readable DICOM file ({type(error).__name__})") from None


def _manifest(dataset: pydicom.Dataset, issuer: str) -> Manifest:
    if _text(dataset, "SOPClassUID") != KeyObjectSelectionDocumentStorage:
        raise InputError("SOPClassUID (0008,0016): expected Key Object Selection Document Storage")
    title = next((_text(code, "CodeValue") for code in dataset.get("ConceptNameCodeSequence") or ()), "")
    if not title:
        raise InputError("ConceptNameCodeSequence (0040,A043): expected a document title")
    studies = tuple(_studies(dataset))
    if not any(series.instances for study in studies for series in study.series):
        raise InputError(
            "CurrentRequestedProcedureEvidenceSequence (0040,A375): expected at least one instance"
        )
    has_urls = any(series.RetrieveURL for study in studies for series in study.series)
    return Manifest(
        SOPInstanceUID=_required(dataset, "SOPInstanceUID"),
        title=title,
        dialect=Dialect.DRIMBOX if has_urls else Dialect.XT_EHR,
        written=_written(dataset),
        studies=studies,
        identity=_qualified(identity_of(dataset, issuer)),
        patient_values=frozenset(_patient_values(dataset)),
    )


def _qualified(identity: PatientIdentity | None) -> PatientIdentity | None:
    if identity is None or identity.national is None:
        return identity
    return replace(identity, national=replace(identity.national, status=IdentityStatus.QUALIFIED))


def _studies(dataset: pydicom.Dataset) -> Iterator[StudyReference]:
    for study in dataset.get("CurrentRequestedProcedureEvidenceSequence") or ():
        yield StudyReference(
            StudyInstanceUID=_required(study, "StudyInstanceUID"),
            series=tuple(_series(one) for one in study.get("ReferencedSeriesSequence") or ()),
        )


def _series(series: pydicom.Dataset) -> SeriesReference:
    return SeriesReference(
        SeriesInstanceUID=_required(series, "SeriesInstanceUID"),
        Modality=_text(series, "Modality") or None,
        RetrieveURL=_text(series, "RetrieveURL") or None,
        RetrieveLocationUID=_text(series, "RetrieveLocationUID") or None,
        instances=tuple(
            _required(one, "ReferencedSOPInstanceUID") for one in series.get("ReferencedSOPSequence") or ()
        ),
    )


def _written(dataset: pydicom.Dataset) -> dt.datetime:
    """When it was written: what tells a manifest from the one it replaces."""
    day, time = _text(dataset, "ContentDate"), _text(dataset, "ContentTime").partition(".")[0]
    offset = _text(dataset, "TimezoneOffsetFromUTC") or "+0000"
    try:
        return dt.datetime.strptime(f"{day}{time:0<6}{offset}", "%Y%m%d%H%M%S%z")
    except ValueError:
        raise InputError(
            "ContentDate (0008,0023), ContentTime (0008,0033) or TimezoneOffsetFromUTC (0008,0201): "
            "expected a date, a time and an offset"
        ) from None


def _patient_values(dataset: pydicom.Dataset) -> Iterator[str]:
    """Every text of the patient group, and the words of names, as they might show in a URL."""
    patient = dataset.group_dataset(0x0010)
    for element in patient.iterall():
        if element.VR in ("SQ", "CS", "UI"):
            continue
        for value in element.value if isinstance(element.value, list | tuple) else (element.value,):
            text = str(value or "").strip()
            yield from (word for word in (text, *text.replace("^", " ").split()) if len(word) > 1)
    for request in (dataset, *(dataset.get("ReferencedRequestSequence") or ())):
        for keyword in ("AccessionNumber", "PlacerOrderNumberImagingServiceRequest", "AdmissionID"):
            if text := _text(request, keyword):
                yield text


def _text(item: pydicom.Dataset, keyword: str) -> str:
    value: Any = item.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _required(item: pydicom.Dataset, keyword: str) -> str:
    text = _text(item, keyword)
    if not text:
        raise InputError(f"{keyword}: expected a UID, found nothing")
    return text
