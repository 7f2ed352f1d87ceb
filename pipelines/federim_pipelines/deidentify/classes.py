"""Which kinds of object may enter a lake at all, before any attribute is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.uids import standard_uid

if TYPE_CHECKING:
    from federim_pipelines.deidentify.header import Attributes
    from federim_pipelines.deidentify.policy.policy import Policy

STORAGE: Final = "1.2.840.10008.5.1.4.1.1."  # every storage class of a patient's objects (PS3.4, Table B.5-1)

_PIXELS, _GRAPHICS, _STRUCTURED = "clean_pixel_data", "clean_graphics", "clean_structured_content"

# Arc under STORAGE → why its objects stay out, and the option of a policy that lets them in. `*` covers the
# classes below the arc too; of two that cover a class, the first holds.
REFUSED: Final = {
    "3*": ("ultrasound: text is written in the pixels, unless BurnedInAnnotation is NO", _PIXELS),
    "6*": ("ultrasound: text is written in the pixels, unless BurnedInAnnotation is NO", _PIXELS),
    "7*": ("secondary capture: a screen or a scanned paper, with whatever it shows", _PIXELS),
    "8": ("overlay: a drawing, whose words cannot be told from its lines", None),
    "9": ("curve: a drawing, whose words cannot be told from its lines", None),
    "9.4*": ("audio: a voice names people, and is one", None),
    "11*": ("presentation state: made of text and graphics put on an image", _GRAPHICS),
    "66": ("raw data: bytes only their maker can read", None),
    "68*": ("surface scan: the shape of a person, face included", None),
    "77.1.1*": ("endoscopy: text is written in the pixels, unless BurnedInAnnotation is NO", _PIXELS),
    "77.1.4*": ("photograph of a person", None),
    "77.1.7": ("photograph of a person", None),
    "79.1": ("report: made of text", None),
    "88.2": ("audio: a voice names people, and is one", None),
    "88.59": ("key object selection: a manifest carries the INS, name and address", None),
    "88*": ("structured report: made of text, names and dates", _STRUCTURED),
    "104*": ("encapsulated document: a page, or a surface such as a face", None),
    "129": ("curve: a drawing, whose words cannot be told from its lines", None),
    "131": ("structured display: made of text", None),
    "200*": ("protocol: made of text", None),
    "201*": ("inventory: a list of patients", None),
    "501*": ("security screening: no patient's object", None),
    "601*": ("testing of materials: no patient's object", None),
}
_IN_WITHOUT_ANNOTATION: Final = ("3*", "6*", "77.1.1*")
# A slide's label is written by hand and its overview shows it, which no reading of the pixels finds.
_LABELS: Final = frozenset({"LABEL", "OVERVIEW"})
_SCREEN: Final = "SCREEN SAVE"


def why_refused(attributes: Attributes, policy: Policy) -> str | None:
    """Why the policy lets no object like this in, in words without its values; None if it may enter."""
    annotation = "".join(_said(attributes, "BurnedInAnnotation"))
    image_type = _said(attributes, "ImageType")
    if not policy.cleans_pixels:
        if annotation not in ("", "NO"):
            return "BurnedInAnnotation (0028,0301) is not NO"
        if _SCREEN in image_type:
            return "ImageType (0008,0008): a screen"
    if "YES" in _said(attributes, "SpecimenLabelInImage"):
        return "SpecimenLabelInImage (0048,0010) is YES"
    if not _LABELS.isdisjoint(image_type):
        return "ImageType (0008,0008): a label or an overview"
    if any(_has_overlay_in_pixels(attributes, group) for group in range(0x6000, 0x6020, 2)):
        return "OverlayBitPosition (60xx,0102): graphics in unused bits of the pixels"
    return _why_class_refused(str(attributes.get("SOPClassUID")), policy, annotation)


def _why_class_refused(uid: str, policy: Policy, annotation: str) -> str | None:
    if not uid.startswith(STORAGE) or not standard_uid(uid):
        return "SOPClassUID (0008,0016): not a storage class of the Standard"
    arc = uid.removeprefix(STORAGE)
    for refused, (reason, option) in REFUSED.items():
        if _covers(refused, arc):
            enters = option in policy.options or (refused in _IN_WITHOUT_ANNOTATION and annotation == "NO")
            return None if enters else reason
    return None


def _said(attributes: Attributes, keyword: str) -> list[str]:
    """The values of a code string, in upper case."""
    return [str(part).strip().upper() for part in values_of(attributes.get(keyword))]


def _has_overlay_in_pixels(attributes: Attributes, group: int) -> bool:
    """Whether an overlay plane has one bit of every pixel for its data (retired; PS3.5, 8.1.2)."""
    return (group << 16 | 0x0102) in attributes and (group << 16 | 0x3000) not in attributes


def _covers(refused: str, arc: str) -> bool:
    stem = refused.removesuffix("*")
    return arc == stem or (refused != stem and arc.startswith(f"{stem}."))
