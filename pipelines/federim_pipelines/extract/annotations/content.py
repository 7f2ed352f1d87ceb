"""Walk a report's content tree, each item with what its ancestors say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydicom import Dataset

from federim_pipelines.codes.code import Code
from federim_pipelines.deidentify.content_table import Concept
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.extract.annotations.annotated import Place, keyed_only
from federim_pipelines.extract.annotations.coded import code_from, code_of, concept_of, word

_DERIVATION: Final = ("DCM", "121401")
_FINDING: Final = ("DCM", "121071")
_FINDING_SITE: Final = ("SCT", "363698007")
_TARGET_REGION: Final = ("DCM", "123014")
_LATERALITY: Final = ("SCT", "272741003")
_TRACKING_IDENTIFIER: Final = ("DCM", "112039")
_TRACKING_UID: Final = ("DCM", "112040")
_SOURCE_SERIES: Final = ("DCM", "121232")

# What a code among a group's items says of the group, and is no value of its own.
CONTEXT: Final = {
    _DERIVATION: "derivation",
    _FINDING: "finding",
    _FINDING_SITE: "site",
    _TARGET_REGION: "site",
    _LATERALITY: "laterality",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a content item and its ancestors say, the nearest first."""

    codes: Mapping[str, Code] = field(default_factory=dict)  # by the words of `CONTEXT`
    tracking_identifier: str | None = None
    tracking_uid: str | None = None
    series: str | None = None
    images: tuple[str, ...] = ()
    container: str = ""  # position of the nearest one
    kind: Concept | None = None  # of that container

    def code(self, name: str) -> str | None:
        """The value of one of the codes."""
        found = self.codes.get(name)
        return None if found is None or found.system is None else found.code


@dataclass(frozen=True, slots=True)
class Item:
    """A content item, its place in the tree and what is told of it."""

    dataset: Dataset
    position: str  # 1.3.2: the root's is 1
    value_type: str
    concept: Concept | None
    told: Told

    @property
    def code(self) -> Code | None:
        """What the item says the value of."""
        return None if self.concept is None else code_from(self.concept)


def items(root: Dataset) -> Iterator[Item]:
    """Every item under the root, in the order of the report.

    References
    ----------
    DICOM PS3.3, C.17.3 (SR Document Content), C.17.3.2.5 (by-reference relationships).
    """
    yield from _below(
        root, root, "1", Told(container="1", kind=concept_of(root.get("ConceptNameCodeSequence")))
    )


def places(header: Dataset) -> dict[str, Place]:
    """Where each object that a report lists as its evidence belongs, by SOPInstanceUID."""
    found = {}
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in header.get(keyword) or ():
            for series in study.get("ReferencedSeriesSequence") or ():
                for instance in series.get("ReferencedSOPSequence") or ():
                    image = keyed_only(instance.get("ReferencedSOPInstanceUID"))
                    if image is not None:
                        found[image] = Place(
                            study=keyed_only(study.get("StudyInstanceUID")),
                            series=keyed_only(series.get("SeriesInstanceUID")),
                            image=image,
                        )
    return found


def _below(root: Dataset, parent: Dataset, position: str, told: Told) -> Iterator[Item]:
    for number, dataset in enumerate(parent.get("ContentSequence") or (), start=1):
        place = f"{position}.{number}"
        value_type = word(dataset, "ValueType") or ""
        concept = concept_of(dataset.get("ConceptNameCodeSequence"))
        here = _told(root, dataset, told)
        if value_type == "CONTAINER":
            here = _in_container(here, place, concept)
        yield Item(dataset, place, value_type, concept, here)
        yield from _below(root, dataset, place, here)


def _told(root: Dataset, parent: Dataset, before: Told) -> Told:
    """What the children of an item say of it, before what was said of its ancestors."""
    codes = dict(before.codes)
    identifier, uid, series = before.tracking_identifier, before.tracking_uid, before.series
    is_container = word(parent, "ValueType") == "CONTAINER"
    for child in parent.get("ContentSequence") or ():
        concept = concept_of(child.get("ConceptNameCodeSequence"))
        if concept in CONTEXT and (code := code_of(child.get("ConceptCodeSequence"))) is not None:
            codes[CONTEXT[concept]] = code
            codes.update(_side(child) if CONTEXT[concept] == "site" else {})
        # A number may be tracked by itself too; what it was measured of is what its group tracks.
        elif concept == _TRACKING_IDENTIFIER and (is_container or identifier is None):
            identifier = word(child, "TextValue")
        elif concept == _TRACKING_UID and (is_container or uid is None):
            uid = keyed_only(child.get("UID"))
        elif concept == _SOURCE_SERIES:
            series = keyed_only(child.get("UID"))
    return Told(
        codes, identifier, uid, series, _images(root, parent) or before.images, before.container, before.kind
    )


def _side(site: Dataset) -> dict[str, Code]:
    """The laterality that is said of a finding site."""
    for child in site.get("ContentSequence") or ():
        if concept_of(child.get("ConceptNameCodeSequence")) == _LATERALITY:
            code = code_of(child.get("ConceptCodeSequence"))
            return {} if code is None else {"laterality": code}
    return {}


def _in_container(told: Told, position: str, concept: Concept | None) -> Told:
    return Told(
        told.codes, told.tracking_identifier, told.tracking_uid, told.series, told.images, position, concept
    )


def _images(root: Dataset, parent: Dataset) -> tuple[str, ...]:
    """The images that an item's children point at: themselves, by coordinates in them, or by reference."""
    found: list[str] = []
    for child in parent.get("ContentSequence") or ():
        target = _referred(root, child) or child
        value_type = word(target, "ValueType")
        if value_type == "IMAGE":
            found += _image(target)
        elif value_type in ("SCOORD", "TCOORD"):
            for selected in target.get("ContentSequence") or ():
                found += _image(_referred(root, selected) or selected)
    return tuple(found)


def _image(item: Dataset) -> list[str]:
    """The UID of an image item; of a segment's none, as that is drawn on an image."""
    return [
        uid
        for reference in item.get("ReferencedSOPSequence") or ()
        if "ReferencedSegmentNumber" not in reference
        and (uid := keyed_only(reference.get("ReferencedSOPInstanceUID"))) is not None
    ]


def _referred(root: Dataset, item: Dataset) -> Dataset | None:
    """The item that this one stands for, by its position; None if it stands for itself, or for none."""
    position = values_of(item.get("ReferencedContentItemIdentifier"))
    found = root if position[:1] == [1] else None
    for number in position[1:]:
        children = () if found is None else found.get("ContentSequence") or ()
        found = children[number - 1] if 0 < number <= len(children) else None
    return found
