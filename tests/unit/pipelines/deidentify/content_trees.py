"""Builders of content items for reports to clean."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.sequence import Sequence

VALUES = {
    "DATE": "Date",
    "DATETIME": "DateTime",
    "PNAME": "PersonName",
    "TEXT": "TextValue",
    "TIME": "Time",
    "UIDREF": "UID",
}


def code(scheme: str, value: str, meaning: str = "") -> Dataset:
    entry = Dataset()
    entry.CodeValue, entry.CodingSchemeDesignator, entry.CodeMeaning = value, scheme, meaning or value
    return entry


def item(
    value_type: str, concept: tuple[str, str], value: object = None, *children: Dataset, **attributes: object
) -> Dataset:
    """An item of a content tree; the value of a CODE is (scheme, value), of a NUM (number, unit)."""
    made = Dataset()
    made.RelationshipType = "CONTAINS"
    made.ValueType = value_type
    made.ConceptNameCodeSequence = Sequence([code(*concept)])
    if value_type in VALUES:
        setattr(made, VALUES[value_type], value)
    elif value_type == "CODE":
        made.ConceptCodeSequence = Sequence([code(*value)])  # type: ignore[misc]
    elif value_type == "NUM":
        number, unit = value  # type: ignore[misc]
        measured = Dataset()
        measured.NumericValue = number
        measured.MeasurementUnitsCodeSequence = Sequence([code("UCUM", unit)])
        made.MeasuredValueSequence = Sequence([measured])
    elif value_type in ("COMPOSITE", "IMAGE", "WAVEFORM"):
        reference = Dataset()
        reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        reference.ReferencedSOPInstanceUID = value
        made.ReferencedSOPSequence = Sequence([reference])
    for keyword, said in attributes.items():
        setattr(made, keyword, said)
    if children:
        made.ContentSequence = Sequence(children)
    return made


def by_reference(*position: int) -> Dataset:
    """An item that stands for the one at a position, of which the root's is 1."""
    made = Dataset()
    made.RelationshipType = "INFERRED FROM"
    made.ReferencedContentItemIdentifier = list(position)
    return made


def below(node: Dataset) -> Iterator[Dataset]:
    """Every item under a root."""
    for child in node.get("ContentSequence") or ():
        yield child
        yield from below(child)


def at(root: Dataset, position: list[int]) -> Dataset:
    """The item at a position."""
    node = root
    for number in position[1:]:
        node = node.ContentSequence[number - 1]
    return node
