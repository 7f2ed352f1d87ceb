"""Rows of one de-identified instance: its person, study, series, itself and its file."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from pydicom import Dataset

from federim.lake.images import StoredObject
from federim.model.identifiers import SiteName, Subject
from federim_pipelines.deidentify.dates import age_at, parse_date, year_of_birth
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.items import Row

GENDER_CONCEPTS = {"M": 8507, "F": 8532, "O": 0}  # OMOP; absent is null, which another source may fill
OTHER_MODALITY = "OT"  # CID 29's own word for a device that does not say

_LARGEST_SMALL = 2**31 - 1
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def rows_of(
    raw: Dataset, clean: Dataset, subject: Subject, *, stored: StoredObject, site: SiteName, year: int
) -> tuple[tuple[str, Row], ...]:
    """(table, row) of one instance, as `lake.schema` declares them.

    Parameters
    ----------
    raw : Dataset
        As the device wrote it. Only sex, year of birth and age are taken from it.
    clean : Dataset
        As `deidentify` left it: everything else comes from here, so no row holds more than the object does.
    year : int
        Of the import, against which great ages are grouped.
    """
    person = {"person_id": subject.person_id}
    study = {"StudyInstanceUID": str(clean.StudyInstanceUID)}
    series = {"SeriesInstanceUID": str(clean.SeriesInstanceUID)}
    instance = {"SOPInstanceUID": str(clean.SOPInstanceUID)}
    return (
        ("person", person | _person(raw, year) | {"site": site, "linked": subject.linked}),
        ("study", person | study | _study(raw, clean)),
        ("image_occurrence", person | study | series | _series(clean, stored.size)),
        ("instance", person | study | series | instance | _instance(clean)),
        (
            "instance_file",
            person | series | instance | {"sha256": stored.sha256, "path": stored.path, "size": stored.size},
        ),
    )


def _person(raw: Dataset, year: int) -> Row:
    birth = _day(raw, "PatientBirthDate")
    born = year_of_birth(birth, year) if birth is not None and birth.year <= year else None
    return {
        "year_of_birth": born,
        "gender_concept_id": GENDER_CONCEPTS.get((_text(raw, "PatientSex") or "").upper()),
    }


def _study(raw: Dataset, clean: Dataset) -> Row:
    birth, day = _day(raw, "PatientBirthDate"), _day(raw, "StudyDate")
    time = (_text(clean, "StudyTime") or "").replace(":", "")[:6]
    return {
        "StudyDate": _day(clean, "StudyDate"),
        "StudyTime": time or None,
        "PatientAge": None if birth is None or day is None else age_at(birth, day),
    }


def _series(clean: Dataset, size: int) -> Row:
    spacing = _numbers(clean, "PixelSpacing", 2)
    return {
        "FrameOfReferenceUID": _text(clean, "FrameOfReferenceUID"),
        "Modality": _text(clean, "Modality") or OTHER_MODALITY,
        "SOPClassUID": str(clean.SOPClassUID),
        "SeriesDate": _day(clean, "SeriesDate") or _day(clean, "StudyDate"),
        "BodyPartExamined": _text(clean, "BodyPartExamined"),
        "Laterality": _text(clean, "Laterality") or _text(clean, "ImageLaterality"),
        "PatientPosition": _text(clean, "PatientPosition"),
        "Manufacturer": _text(clean, "Manufacturer"),
        "ManufacturerModelName": _text(clean, "ManufacturerModelName"),
        "ConvolutionKernel": _text(clean, "ConvolutionKernel"),
        "SliceThickness": _number(clean, "SliceThickness"),
        "SpacingBetweenSlices": _number(clean, "SpacingBetweenSlices"),
        "PixelSpacingRow": spacing[0],
        "PixelSpacingColumn": spacing[1],
        "Rows": _integer(clean, "Rows"),
        "Columns": _integer(clean, "Columns"),
        "KVP": _number(clean, "KVP"),
        "MagneticFieldStrength": _number(clean, "MagneticFieldStrength"),
        "RepetitionTime": _number(clean, "RepetitionTime"),
        "EchoTime": _number(clean, "EchoTime") or _number(clean, "EffectiveEchoTime"),
        "FlipAngle": _number(clean, "FlipAngle"),
        "BurnedInAnnotation": _text(clean, "BurnedInAnnotation"),
        "NumberOfInstances": 1,
        "SizeBytes": size,
    }


def _instance(clean: Dataset) -> Row:
    position = _numbers(clean, "ImagePositionPatient", 3)
    has_pixels = any(keyword in clean for keyword in _PIXELS)
    return {
        "SOPClassUID": str(clean.SOPClassUID),
        "InstanceNumber": _integer(clean, "InstanceNumber"),
        "NumberOfFrames": (_integer(clean, "NumberOfFrames") or 1) if has_pixels else None,
        "ImagePositionX": position[0],
        "ImagePositionY": position[1],
        "ImagePositionZ": position[2],
        "TransferSyntaxUID": str(clean.file_meta.TransferSyntaxUID),
    }


def _found(dataset: Dataset, keyword: str) -> Any:
    """A value from the dataset, or from the functional groups that an enhanced object keeps it in.

    Groups shared by all frames first, then the first frame's (PS3.3, C.7.6.16).
    """
    value = dataset.get(keyword)
    if value is not None:
        return value
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (dataset.get(groups) or ())[:1]:
            for macro in group:
                if macro.VR == "SQ" and macro.value and (value := macro.value[0].get(keyword)) is not None:
                    return value
    return None


def _text(dataset: Dataset, keyword: str) -> str | None:
    return "\\".join(str(part).strip(" \0") for part in values_of(_found(dataset, keyword))) or None


def _day(dataset: Dataset, keyword: str) -> date | None:
    values = values_of(dataset.get(keyword))
    return parse_date(str(values[0])) if values else None


def _numbers(dataset: Dataset, keyword: str, count: int) -> list[float | None]:
    """Exactly `count` finite numbers, or as many nulls."""
    try:
        numbers = [float(part) for part in values_of(_found(dataset, keyword))]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        return [None] * count
    return list(numbers)


def _number(dataset: Dataset, keyword: str) -> float | None:
    return _numbers(dataset, keyword, 1)[0]


def _integer(dataset: Dataset, keyword: str) -> int | None:
    number = _number(dataset, keyword)
    return int(number) if number is not None and 0 <= number <= _LARGEST_SMALL else None
