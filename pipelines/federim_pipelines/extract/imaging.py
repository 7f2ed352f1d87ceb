"""Rows of one de-identified instance: its person, study, series, itself and its file."""

from __future__ import annotations

import math
from datetime import date
from functools import cached_property
from typing import Any

from federim.lake.images import StoredObject
from federim.model.identifiers import SiteName
from federim_pipelines.deidentify.dates import age_at, parse_date, year_of_birth
from federim_pipelines.deidentify.header import Attributes
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.extract import contrast, facts
from federim_pipelines.extract.frames import PLACE_COLUMNS
from federim_pipelines.items import Row
from federim_pipelines.keying import Keying

GENDER_CONCEPTS = {"M": 8507, "F": 8532, "O": 0}  # OMOP; absent is null, which another source may fill
OTHER_MODALITY = "OT"  # CID 29's own word for a device that does not say

_LARGEST_SMALL = 2**31 - 1


# Where an enhanced object keeps what a classic one has at its root (PS3.3, C.7.6.16.2).
_MACROS = {
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "RepetitionTime": "MRTimingAndRelatedParametersSequence",
    "FlipAngle": "MRTimingAndRelatedParametersSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "KVP": "CTXRayDetailsSequence",
    "ConvolutionKernel": "CTReconstructionSequence",
}


def rows_of(
    raw: Attributes,
    clean: Attributes,
    keying: Keying,
    *,
    stored: StoredObject,
    transfer_syntax: str,
    site: SiteName,
    year: int,
) -> tuple[tuple[str, Row], ...]:
    """(table, row) of one instance, as `lake.schema` declares them.

    Parameters
    ----------
    raw : Attributes
        As the device wrote it. Only sex, year of birth, age, whether there was contrast, and the accession
        number, to be keyed, are taken from it.
    clean : Attributes
        As it was de-identified: everything else comes from here, so no row holds more than the object does.
    year : int
        Of the import, against which great ages are grouped.
    """
    image = _Image(clean)
    person = {"person_id": keying.subject.person_id}
    study = {"StudyInstanceUID": str(clean.get("StudyInstanceUID"))}
    series = {"SeriesInstanceUID": str(clean.get("SeriesInstanceUID"))}
    instance = {"SOPInstanceUID": str(clean.get("SOPInstanceUID"))}
    return (
        facts.person(keying.subject, site, **_person(raw, year)),
        ("study", person | study | _study(raw, image, keying)),
        ("image_occurrence", person | study | series | _series(image, raw, stored.size)),
        (
            "instance",
            person | study | series | instance | _instance(image) | {"TransferSyntaxUID": transfer_syntax},
        ),
        (
            "instance_file",
            person | series | instance | {"sha256": stored.sha256, "path": stored.path, "size": stored.size},
        ),
    )


def _person(raw: Attributes, year: int) -> Row:
    birth = _day(raw, "PatientBirthDate")
    born = year_of_birth(birth, year) if birth is not None and birth.year <= year else None
    return {
        "year_of_birth": born,
        "gender": GENDER_CONCEPTS.get(str(raw.get("PatientSex") or "").strip(" \0").upper()),
    }


def _study(raw: Attributes, image: _Image, keying: Keying) -> Row:
    birth, day = _day(raw, "PatientBirthDate"), _day(raw, "StudyDate")
    time = (image.text("StudyTime") or "").replace(":", "")[:6]
    return {
        "StudyDate": _day(image.clean, "StudyDate"),
        "StudyTime": time or None,
        "PatientAge": None if birth is None or day is None else age_at(birth, day),
        "accession_key": keying.accession(_Image(raw).text("AccessionNumber")),
    }


def _series(image: _Image, raw: Attributes, size: int) -> Row:
    text, number = image.text, image.number
    return {
        "FrameOfReferenceUID": text("FrameOfReferenceUID"),
        "Modality": text("Modality") or OTHER_MODALITY,
        "SOPClassUID": str(image.clean.get("SOPClassUID")),
        "SeriesDate": _day(image.clean, "SeriesDate") or _day(image.clean, "StudyDate"),
        "BodyPartExamined": text("BodyPartExamined"),
        "Laterality": text("Laterality") or text("ImageLaterality"),
        "PatientPosition": text("PatientPosition"),
        "Manufacturer": text("Manufacturer"),
        "ManufacturerModelName": text("ManufacturerModelName"),
        "ConvolutionKernel": text("ConvolutionKernel"),
        "SliceThickness": number("SliceThickness"),
        "SpacingBetweenSlices": number("SpacingBetweenSlices"),
        **{name: image.place[name] for name in ("PixelSpacingRow", "PixelSpacingColumn", "Rows", "Columns")},
        "KVP": number("KVP"),
        "MagneticFieldStrength": number("MagneticFieldStrength"),
        "RepetitionTime": number("RepetitionTime"),
        "EchoTime": number("EchoTime") or number("EffectiveEchoTime"),
        "FlipAngle": number("FlipAngle"),
        "BurnedInAnnotation": text("BurnedInAnnotation"),
        "RecognizableVisualFeatures": "YES" if text("RecognizableVisualFeatures") == "YES" else "NO",
        "contrast_declared": contrast.declared(raw),
        "NumberOfInstances": 1,
        "SizeBytes": size,
    }


def _instance(image: _Image) -> Row:
    # An image says how many bits it has, whether or not its pixels were read along.
    has_pixels = "BitsAllocated" in image.clean
    return {
        "SOPClassUID": str(image.clean.get("SOPClassUID")),
        "InstanceNumber": image.integer("InstanceNumber"),
        "NumberOfFrames": (image.integer("NumberOfFrames") or 1) if has_pixels else None,
        **image.place,
    }


def _day(attributes: Attributes, keyword: str) -> date | None:
    values = values_of(attributes.get(keyword))
    return parse_date(str(values[0])) if values else None


class _Image:
    """Reads a clean header, and the functional groups an enhanced object keeps attributes in."""

    def __init__(self, clean: Attributes) -> None:
        self.clean = clean

    @cached_property
    def _groups(self) -> tuple[Attributes, ...]:
        """The groups all frames share, then the first frame's (PS3.3, C.7.6.16)."""
        keywords = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        return tuple(group for keyword in keywords for group in (self.clean.get(keyword) or ())[:1])

    @cached_property
    def place(self) -> Row:
        """Where the first frame lies, as table `instance` names it."""
        told = (
            *self.numbers("ImagePositionPatient", 3),
            *self.numbers("ImageOrientationPatient", 6),
            *self.numbers("PixelSpacing", 2),
            self.integer("Rows"),
            self.integer("Columns"),
        )
        return dict(zip(PLACE_COLUMNS, told, strict=True))

    def _found(self, keyword: str) -> Any:
        value = self.clean.get(keyword)
        if value is not None or keyword not in _MACROS:
            return value
        for group in self._groups:
            for macro in (group.get(_MACROS[keyword]) or ())[:1]:
                if (value := macro.get(keyword)) is not None:
                    return value
        return None

    def text(self, keyword: str) -> str | None:
        return "\\".join(str(part).strip(" \0") for part in values_of(self._found(keyword))) or None

    def numbers(self, keyword: str, count: int) -> list[float | None]:
        """Exactly `count` finite numbers, or as many nulls."""
        try:
            numbers = [float(part) for part in values_of(self._found(keyword))]
        except (TypeError, ValueError):
            numbers = []
        if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
            return [None] * count
        return list(numbers)

    def number(self, keyword: str) -> float | None:
        return self.numbers(keyword, 1)[0]

    def integer(self, keyword: str) -> int | None:
        number = self.number(keyword)
        return int(number) if number is not None and 0 <= number <= _LARGEST_SMALL else None
