"""Say, from a header alone, whether a face can be made of an image and its like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from federim_pipelines.deidentify.codes import code_meaning
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.pixels.anatomy import (
    ELSEWHERE,
    HEAD_PHRASES,
    HEAD_STEMS,
    HEAD_WORDS,
    OTHER_STEMS,
    OTHER_WORDS,
)

if TYPE_CHECKING:
    from federim_pipelines.deidentify.header import Attributes

# A child's face is wider. There is no widest: what a radiotherapist plans a neck on is half a metre wide.
NARROWEST_FACE_MM: Final = 100.0

_VOLUMES: Final = frozenset({"CT", "MR"})
_PLACES: Final = ("AnatomicRegionSequence", "PrimaryAnatomicStructureSequence")
_OF_THE_SERIES: Final = ("SeriesDescription", "ProtocolName", "PerformedProcedureStepDescription")
_OF_THE_STUDY: Final = ("StudyDescription", "RequestedProcedureDescription")
_WORD: Final = re.compile(r"[A-Z]+")


def recognizable_features(attributes: Attributes) -> str | None:
    """What RecognizableVisualFeatures says of an object: `YES`, `NO`, or None where nothing can be said."""
    if recognizable(attributes):
        return "YES"
    return "NO" if _modality(attributes) in _VOLUMES else None


def recognizable(attributes: Attributes) -> bool:
    """Whether the object is one of a CT or MR volume that has, or may have, a face in it.

    The head, the neck and the body as a whole have it. What the series says counts more than what the study
    says, words more than BodyPartExamined, which is often a device's default. Where no part of the body is
    named, a face is supposed, unless the field of view is narrower than one. A scanner's localizer is a
    projection, of which no face can be made.

    References
    ----------
    DICOM PS3.3, C.12.1 (RecognizableVisualFeatures) and C.7.6.1 (AnatomicRegionSequence); PS3.15, E.3.2.
    """
    if "YES" in _texts(attributes, "RecognizableVisualFeatures"):
        return True
    modality = _modality(attributes)
    image_type = {text.upper() for text in _texts(attributes, "ImageType")}
    if modality not in _VOLUMES or (modality == "CT" and "LOCALIZER" in image_type):
        return False
    place = _normal([*_texts(attributes, "BodyPartExamined"), *_coded(attributes)])
    series = _normal(text for keyword in _OF_THE_SERIES for text in _texts(attributes, keyword))
    if _names_head(place) or _names_head(series):
        return True
    if _names_other(series):
        return False
    study = _normal(text for keyword in _OF_THE_STUDY for text in _texts(attributes, keyword))
    if _names_head(study):
        return True
    if _names_other(place) or _names_other(study):
        return False
    width = _field_of_view(attributes)
    return width is None or width >= NARROWEST_FACE_MM


def _modality(attributes: Attributes) -> str:
    return "".join(_texts(attributes, "Modality")[:1]).upper()


def _names_head(text: str) -> bool:
    text = ELSEWHERE.sub(" ", text)
    return HEAD_PHRASES.search(text) is not None or any(
        word in HEAD_WORDS or word.startswith(HEAD_STEMS) for word in _WORD.findall(text)
    )


def _names_other(text: str) -> bool:
    return any(word in OTHER_WORDS or word.startswith(OTHER_STEMS) for word in _WORD.findall(text))


def _normal(texts: Iterator[str] | list[str]) -> str:
    """Texts as one, in capital letters without accents, a space in the place of everything else."""
    plain = unicodedata.normalize("NFKD", " | ".join(texts).replace("œ", "oe").replace("Œ", "OE"))
    letters = "".join(char for char in plain.upper() if not unicodedata.combining(char))
    return re.sub(r"[^A-Z|]+", " ", letters)


def _coded(attributes: Attributes) -> Iterator[str]:
    """What the codes of places mean, in the Standard's words and in the sender's; frames' places too."""
    for item in (attributes, *_groups(attributes, "FrameAnatomySequence")):
        for keyword in _PLACES:
            for code in values_of(item.get(keyword)):
                scheme, value = code.get("CodingSchemeDesignator"), code.get("CodeValue")
                yield code_meaning(str(scheme or ""), str(value or "")) or ""
                yield str(code.get("CodeMeaning") or "")


def _groups(attributes: Attributes, keyword: str) -> list[Attributes]:
    """The items of a functional group that all frames share, or else of the first frame's."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        found = [
            item for group in values_of(attributes.get(groups))[:1] for item in values_of(group.get(keyword))
        ]
        if found:
            return found
    return []


def _field_of_view(attributes: Attributes) -> float | None:
    """The longer side of the image in mm; None if it is not told."""
    for item in (attributes, *_groups(attributes, "PixelMeasuresSequence")):
        try:
            row, column = (float(spacing) for spacing in values_of(item.get("PixelSpacing")))
            return max(row * int(attributes.get("Rows")), column * int(attributes.get("Columns")))
        except (TypeError, ValueError):
            continue
    try:
        return float(attributes.get("ReconstructionDiameter"))
    except (TypeError, ValueError):
        return None


def _texts(attributes: Attributes, keyword: str) -> list[str]:
    return [str(part).strip(" \0") for part in values_of(attributes.get(keyword))]
