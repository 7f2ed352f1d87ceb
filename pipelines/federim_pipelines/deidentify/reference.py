"""Read, check and clean one file with pydicom: for whatever the fast path does not know."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any, Final

import pydicom
from pydicom import Dataset, config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.classes import why_refused
from federim_pipelines.deidentify.cleaned import Cleaned, Prove
from federim_pipelines.deidentify.elements import deidentify
from federim_pipelines.deidentify.file_format import encode, transfer_syntax
from federim_pipelines.deidentify.header import PIXELS, UNDEFINED, Unknown
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.part10 import DEFLATED
from federim_pipelines.deidentify.person import Person
from federim_pipelines.deidentify.pixels.blanking import clean_pixels
from federim_pipelines.deidentify.pixels.burned_in import why_read
from federim_pipelines.deidentify.pixels.faces import recognizable_features
from federim_pipelines.deidentify.pixels.pictures import Doubtful
from federim_pipelines.deidentify.pixels.streams import expected_length
from federim_pipelines.deidentify.policy.policy import Policy
from federim_pipelines.deidentify.quiet import quiet, validation
from federim_pipelines.deidentify.reading import Source, read_meta
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

_REQUIRED: Final = {
    "SOPClassUID": "(0008,0016)",
    "SOPInstanceUID": "(0008,0018)",
    "StudyInstanceUID": "(0020,000D)",
    "SeriesInstanceUID": "(0020,000E)",
}
_PIXELS: Final = (
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "SpectroscopyData", "PixelDataProviderURL"),
)
_META: Final = 1 << 16  # bytes that hold the file meta information of any file
# What is asked of the raw header once it is cleaned. Read while pydicom is kept quiet: it would warn of a
# damaged value by quoting it.
_ASKED_LATER: Final = (
    *("PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "FrameOfReferenceUID"),
    *("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
)
_INFLATED_AT_ONCE: Final = 1 << 24
_LARGEST_INFLATED: Final = 1 << 30  # a deflated file of some megabytes can claim terabytes


def clean_file(source: Source, policy: Policy, person: Callable[[Dataset], Person], prove: Prove) -> Cleaned:
    """One de-identified instance. `prove` is given headers before and after, and raises where they fail.

    Raises
    ------
    Unusable
        The file is damaged or incomplete, the policy lets no such object in, or its pixels stay doubtful.
    """
    with quiet():
        _check_inflated(source)
        content = source.read(0, source.size)
        dataset = _parse(content)
        _check(dataset, policy)
        who = person(dataset)
        who.rules.kept.clear()
        clean = deidentify(dataset, who, policy)
        faces = recognizable_features(dataset)
        if faces is not None:
            clean.RecognizableVisualFeatures = faces
        if policy.cleans_pixels and why_read(dataset):
            _clean_pixels(clean, who.subject)
        written = encode(clean)
        before = _before(dataset, content)
        prove(before, _after(clean, written))
        retained = Counter(who.rules.kept)
        who.rules.kept.clear()
        raw = {keyword: dataset.get(keyword) for keyword in _ASKED_LATER}
    return Cleaned(
        raw=raw,
        clean=clean,
        subject=who.subject,
        transfer_syntax=str(clean.file_meta.TransferSyntaxUID),
        source=source,
        head=written,
        fast=False,
        prove=partial(prove, before, b""),
        retained=retained,
    )


def _parse(content: bytes) -> Dataset:
    """The dataset of a file.

    pydicom tells of a stream that ends too soon only in its strict mode, which also refuses files that are
    merely wrong about themselves; those are read again without it.
    """
    try:
        with validation(config.RAISE):
            return pydicom.dcmread(BytesIO(content), force=True)
    except EOFError:
        raise Unusable(Reason.TRUNCATED, "end of file inside an element") from None
    except Exception:
        try:
            return pydicom.dcmread(BytesIO(content), force=True)
        except Exception as error:  # pydicom's messages quote values
            raise Unusable(Reason.UNREADABLE, type(error).__name__) from None


def _check(dataset: Dataset, policy: Policy) -> None:
    """Refuse what is incomplete, what the policy lets no object of in, and what cannot be written again."""
    _check_complete(dataset)
    for keyword, tag in _REQUIRED.items():
        values = values_of(dataset.get(keyword))
        if len(values) != 1 or dataset[keyword].VR != "UI" or not str(values[0]).strip(" \0"):
            raise Unusable(Reason.UID_MISSING, f"{keyword} {tag}")
    refused = why_refused(dataset, policy)
    if refused:
        raise Unusable(Reason.POLICY, refused)
    encoding = transfer_syntax(dataset)
    if encoding is None:
        raise Unusable(Reason.NOT_SUPPORTED, "TransferSyntaxUID (0002,0010)")
    _check_pixels(dataset, encoding)


def _check_complete(dataset: Dataset) -> None:
    """Refuse a file cut inside its last element; pydicom gives such an element the bytes there are."""
    for element in dataset.values():
        if not isinstance(element, RawDataElement) or element.length == UNDEFINED:
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
        expected, found = expected_length(dataset), len(dataset.PixelData or b"")
        if expected is None:
            raise Unusable(Reason.UNREADABLE, "an attribute of the pixels' shape")
        if found < expected:
            raise Unusable(Reason.TRUNCATED, f"PixelData (7FE0,0010): {found} bytes of {expected}")


def _clean_pixels(clean: Dataset, subject: Subject) -> None:
    try:
        clean_pixels(clean)
    except Doubtful as doubt:
        raise Unusable(Reason.PIXELS, doubt.reason, doubt.picture or b"", subject.person_id) from None


def _before(dataset: Dataset, content: bytes) -> bytes:
    """The header as the device wrote it, in little endian."""
    if _is_deflated(dataset) or not dataset.original_encoding[1]:
        return _header_of(dataset)
    kept = bytearray(content)
    for tag in PIXELS:
        element: Any = dataset.get_item(tag) if tag in dataset else None
        if isinstance(element, RawDataElement) and element.value:
            del kept[element.value_tell : element.value_tell + len(element.value)]
    return bytes(kept)


def _after(clean: Dataset, written: bytes) -> bytes:
    """What is written, without its pixels and not deflated."""
    if _is_deflated(clean):
        return _header_of(clean)
    pixels = next((clean[tag].value for tag in PIXELS if tag in clean), b"")
    at = written.rfind(pixels) if pixels else -1
    return written if at < 0 else written[:at] + written[at + len(pixels) :]


def _is_deflated(dataset: Dataset) -> bool:
    meta = getattr(dataset, "file_meta", {})
    return bool(meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian)


def _header_of(dataset: Dataset) -> bytes:
    """A dataset without its pixels, in Explicit VR Little Endian; without what cannot be read either."""
    header = Dataset()
    for tag in dataset.keys():  # noqa: SIM118 — iterating a Dataset converts its elements
        if tag not in PIXELS:
            with suppress(Exception):
                header.add(dataset[tag])
    header.file_meta = FileMetaDataset()
    header.file_meta.update(dataset.file_meta)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return encode(header)


def _check_inflated(source: Source) -> None:
    """Refuse a deflated file that would fill the memory."""
    try:
        start, syntax = read_meta(source.read(0, _META))
    except Unknown:
        return
    if syntax != DEFLATED:
        return
    content = source.read(0, source.size)
    inflating, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    rest = content[start:]
    while rest and not inflating.eof:
        try:
            size += len(inflating.decompress(rest, _INFLATED_AT_ONCE))
        except zlib.error as error:
            raise Unusable(Reason.UNREADABLE, type(error).__name__) from None
        rest = inflating.unconsumed_tail
        if size > _LARGEST_INFLATED:
            raise Unusable(Reason.NOT_SUPPORTED, "deflated data of more than 1 GiB")
