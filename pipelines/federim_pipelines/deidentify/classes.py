"""Which kinds of object may enter a lake at all, before any attribute is looked at."""

from __future__ import annotations

from pydicom import Dataset

from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.uids import standard_uid

STORAGE = "1.2.840.10008.5.1.4.1.1."  # every storage class of a patient's objects (PS3.4, Table B.5-1)

# Arc under STORAGE → why its objects stay out. `*` covers the classes below the arc too.
REFUSED = {
    "3*": "ultrasound: text is written in the pixels, unless BurnedInAnnotation is NO",
    "6*": "ultrasound: text is written in the pixels, unless BurnedInAnnotation is NO",
    "7*": "secondary capture: a screen or a scanned paper, with whatever it shows",
    "9.4*": "audio: a voice names people, and is one",
    "11*": "presentation state: made of text and graphics put on an image",
    "66": "raw data: bytes only their maker can read",
    "77.1.1*": "endoscopy: text is written in the pixels, unless BurnedInAnnotation is NO",
    "77.1.4*": "photograph of a person",
    "77.1.7": "photograph of a person",
    "79.1": "report: made of text",
    "88*": "structured report or key object selection (a KOS carries the INS, name and address)",
    "104*": "encapsulated document",
    "131": "structured display: made of text",
    "200*": "protocol: made of text",
    "201*": "inventory: a list of patients",
}
_IN_WITHOUT_ANNOTATION = ("3*", "6*", "77.1.1*")
# A slide's label is written by hand and its overview shows it; a screen save is a screen.
_REFUSED_IMAGE_TYPES = frozenset({"LABEL", "OVERVIEW", "SCREEN SAVE"})


def why_refused(dataset: Dataset) -> str | None:
    """Why the policy lets no object like `dataset` in, in words without its values; None if it may enter."""
    annotation = "".join(_said(dataset, "BurnedInAnnotation"))
    if annotation not in ("", "NO"):
        return "BurnedInAnnotation (0028,0301) is not NO"
    if "YES" in _said(dataset, "SpecimenLabelInImage"):
        return "SpecimenLabelInImage (0048,0010) is YES"
    if not _REFUSED_IMAGE_TYPES.isdisjoint(_said(dataset, "ImageType")):
        return "ImageType (0008,0008): a label, an overview or a screen"
    if any(_has_overlay_in_pixels(dataset, group) for group in range(0x6000, 0x6020, 2)):
        return "OverlayBitPosition (60xx,0102): graphics in unused bits of the pixels"
    uid = str(dataset.get("SOPClassUID"))
    if not uid.startswith(STORAGE) or not standard_uid(uid):
        return "SOPClassUID (0008,0016): not a storage class of the Standard"
    arc = uid.removeprefix(STORAGE)
    for refused, reason in REFUSED.items():
        if _covers(refused, arc) and not (refused in _IN_WITHOUT_ANNOTATION and annotation == "NO"):
            return reason
    return None


def _said(dataset: Dataset, keyword: str) -> list[str]:
    """The values of a code string, in upper case."""
    return [str(part).strip().upper() for part in values_of(dataset.get(keyword))]


def _has_overlay_in_pixels(dataset: Dataset, group: int) -> bool:
    """Whether an overlay plane has one bit of every pixel for its data (retired; PS3.5, 8.1.2)."""
    return (group << 16 | 0x0102) in dataset and (group << 16 | 0x3000) not in dataset


def _covers(refused: str, arc: str) -> bool:
    stem = refused.removesuffix("*")
    return arc == stem or (refused != stem and arc.startswith(f"{stem}."))
