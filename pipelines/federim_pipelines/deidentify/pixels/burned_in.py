"""Say, from a header alone, why the pixels of an image may hold text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from federim_pipelines.deidentify.multiplicity import values_of

if TYPE_CHECKING:
    from federim_pipelines.deidentify.header import Attributes

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."

# Arc of a storage class under _STORAGE → what it is. A device's BurnedInAnnotation NO is no reason to skip
# these: it is a default that the person who types on the picture does not change.
_CLASSES: Final = {
    "3": "an ultrasound loop",
    "6": "an ultrasound image",
    "7": "a secondary capture",
    "77.1.1": "an endoscopic image",
    "77.1.2": "a microscopic image",
    "77.1.4": "a photograph",
    "77.1.5": "an ophthalmic image",
    "77.1.7": "a dermoscopic image",
    "77.2": "a photograph",
}
_MODALITIES: Final = {
    "ES": "an endoscopic image",
    "IVUS": "an intravascular ultrasound",
    "OT": "an image of no known modality",
    "SC": "a secondary capture",
    "US": "an ultrasound",
    "XC": "a photograph",
}
# What usually has text where no BurnedInAnnotation says that it has none.
_UNLESS_DENIED: Final = {
    "BMD": "a densitometry",
    "CR": "a radiograph",
    "DG": "an image of a diaphanograph",
    "DX": "a radiograph",
    "GM": "a microscopic image",
    "HC": "a hard copy",
    "IO": "an intra-oral radiograph",
    "MG": "a mammogram",
    "OP": "an ophthalmic photograph",
    "PX": "a panoramic radiograph",
    "RF": "a fluoroscopy",
    "RG": "a radiograph",
    "TG": "a thermogram",
    "XA": "an angiography",
}
# Arcs whose samples are labels, doses or measures, whatever their modality says.
_NO_PICTURES: Final = ("30", "66", "481.2")
# Modalities whose images are slices without a letter, screens apart.
_SLICES: Final = frozenset({"CT", "MR", "NM", "PT"})
_SCREEN: Final = frozenset(
    {"CAPTURE", "CHART", "DOSE", "GRAPH", "PRINT", "PROT", "REPORT", "RESULT", "SCREEN", "SCREENSAVE"}
    | {"SCREENSHOT", "SNAPSHOT", "SUMMARY", "TEXT"}
)
_SCREEN_SERIES: Final = re.compile(
    r"\b(dose (info|record|report|summary)|rapport de dose|dosimetrie|(patient|exam) protocol|"
    r"screen ?(save|shot)|captures?( d.ecran)?|snapshots?|key images?|images? cles?)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[A-Z]+")


def why_read(attributes: Attributes) -> str | None:
    """Why the pixels may hold text, in words without a value of the header; None if they need no reading.

    An original slice of a tomograph is not read unless it says BurnedInAnnotation YES.

    References
    ----------
    DICOM PS3.3, C.7.6.1.1.2 (ImageType), C.7.6.1 (BurnedInAnnotation), C.8.6.1 (ConversionType), C.8.5.5;
    PS3.15, E.3.1 (Clean Pixel Data).
    """
    arc = _arc(attributes)
    if not attributes.get("Rows") or not attributes.get("Columns") or _is_under(arc, _NO_PICTURES):
        return None
    annotation = "".join(_said(attributes, "BurnedInAnnotation"))
    if annotation not in ("", "NO"):
        return "BurnedInAnnotation (0028,0301) is not NO"
    if "SequenceOfUltrasoundRegions" in attributes:
        return "SequenceOfUltrasoundRegions (0018,6011): an ultrasound screen"
    if any(_said(attributes, "ConversionType")):
        return "ConversionType (0008,0064): taken from a screen, a film, a video or a paper"
    modality = "".join(_said(attributes, "Modality")[:1])
    kind = next((kind for stem, kind in _CLASSES.items() if _is_under(arc, (stem,))), None)
    kind = kind or _MODALITIES.get(modality)
    if kind is None and not annotation:
        kind = _UNLESS_DENIED.get(modality)
    return kind or _screen(attributes, modality)


def _arc(attributes: Attributes) -> str:
    """What follows _STORAGE in the storage class."""
    uid = str(attributes.get("SOPClassUID") or "").strip(" \0")
    return uid.removeprefix(_STORAGE) if uid.startswith(_STORAGE) else ""


def _is_under(arc: str, stems: tuple[str, ...]) -> bool:
    return any(f"{arc}.".startswith(f"{stem}.") for stem in stems)


def _screen(attributes: Attributes, modality: str) -> str | None:
    """Why an image among slices is a screen: a dose report, a protocol, a rendering, a key image."""
    image_type = _said(attributes, "ImageType")
    if not _SCREEN.isdisjoint(word for value in image_type for word in _WORD.findall(value)):
        return "ImageType (0008,0008): a screen"
    if modality not in _SLICES:
        return None
    if _SCREEN_SERIES.search(str(attributes.get("SeriesDescription") or "")):
        return "SeriesDescription (0008,103E): a screen"
    if attributes.get("SamplesPerPixel", 1) == 3 or "PALETTE COLOR" in _said(
        attributes, "PhotometricInterpretation"
    ):
        return "SamplesPerPixel (0028,0002) or a palette: slices in colours are a rendering"
    if modality == "CT" and attributes.get("BitsAllocated") == 8:
        return "BitsAllocated (0028,0100): no slice of a scanner has 8 bits"
    if {"DERIVED", "SECONDARY"} <= set(image_type) and not _is_somewhere(attributes):
        return "ImageType (0008,0008): derived, and without a place in the patient"
    return None


def _is_somewhere(attributes: Attributes) -> bool:
    return any(
        keyword in attributes for keyword in ("ImagePositionPatient", "SharedFunctionalGroupsSequence")
    )


def _said(attributes: Attributes, keyword: str) -> list[str]:
    """The values of a code string, in upper case."""
    return [str(part).strip(" \0").upper() for part in values_of(attributes.get(keyword))]
