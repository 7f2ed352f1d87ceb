"""Clean a content tree, a report's or another, item by item."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence as Items

from federim_pipelines.deidentify.content_table import Concept, content_action, emptied_action
from federim_pipelines.deidentify.dates import OLDEST_AGE
from federim_pipelines.deidentify.multiplicity import values_of
from federim_pipelines.deidentify.policy.policy import Action
from federim_pipelines.deidentify.values import dummy

if TYPE_CHECKING:
    from federim_pipelines.deidentify.elements import Cleaner

_CONTENT: Final = 0x0040A730
# Value type → the attribute of its value, where that is text; and its VR.
_VALUES: Final = {
    "DATE": (0x0040A121, "DA"),
    "DATETIME": (0x0040A120, "DT"),
    "PNAME": (0x0040A123, "PN"),
    "TEXT": (0x0040A160, "UT"),
    "TIME": (0x0040A122, "TM"),
}
# Value types whose value the rules for attributes clean. TABLE is not one: its cells hold text.
_OF_ATTRIBUTES: Final = frozenset(
    {"CODE", "COMPOSITE", "CONTAINER", "IMAGE", "NUM", "SCOORD", "SCOORD3D", "TCOORD", "UIDREF", "WAVEFORM"}
)
_OWN_RULES: Final = frozenset({_CONTENT, *(tag for tag, _ in _VALUES.values())})
_SUBJECT_AGE: Final = ("DCM", "121033")

_Position = tuple[int, ...]  # from the root, which is 1: an item's number among its siblings at each level
_ROOT: Final[_Position] = (1,)


@dataclass(slots=True)
class _Node:
    """An item that stays, clean, under the number it had among its siblings."""

    number: int
    clean: Dataset
    children: list[_Node] = field(default_factory=list)

    @property
    def refers_to(self) -> _Position | None:
        """Where the item is that this one stands for, by reference."""
        return tuple(values_of(self.clean.get("ReferencedContentItemIdentifier"))) or None


def content_items(items: Sequence[Dataset], cleaner: Cleaner) -> list[Dataset]:
    """The clean items of a content tree, without those that may not stay and what is below them.

    A tree is a report's, or the items of an acquisition's context or of a specimen's preparation.

    An item whose concept, or whose code, is none that may stay goes too; so does a reference to an item that
    went, or to another reference; and an item that cannot be read. Other references by position are made to
    fit the new positions.

    References
    ----------
    DICOM PS3.15, E.3.4 and Table E.3.4-1; PS3.3, C.17.3.2.5 (by-reference relationships).
    """
    nodes = _cleaned(items, cleaner)
    _drop_dangling(nodes, _positions(nodes, _ROOT, _ROOT))
    positions = _positions(nodes, _ROOT, _ROOT)
    return [_written(node, positions) for node in nodes]


def with_required(source: Dataset, clean: Dataset) -> Dataset:
    """A clean report with what its IOD asks for, though it may be empty, and no image's has to have.

    References
    ----------
    DICOM PS3.3, C.17.1 (SR Document Series Module).
    """
    steps = "ReferencedPerformedProcedureStepSequence"
    if "ContentSequence" in source and steps in source and steps not in clean:
        setattr(clean, steps, Items())
    return clean


def _cleaned(items: Sequence[Dataset], cleaner: Cleaner) -> list[_Node]:
    nodes = []
    for number, item in enumerate(items, start=1):
        try:
            node = _node(number, item, cleaner)
        except Exception:  # noqa: S112 — pydicom raises many kinds on a damaged value
            continue
        if node is not None:
            nodes.append(node)
    return nodes


def _node(number: int, item: Dataset, cleaner: Cleaner) -> _Node | None:
    clean = _clean_item(item, cleaner)
    if clean is None:
        return None
    node = _Node(number, clean)
    if node.refers_to is None:
        node.children = _cleaned(item.get("ContentSequence") or (), cleaner)
    return node


def _clean_item(item: Dataset, cleaner: Cleaner) -> Dataset | None:
    """The item without what is below it; None if it may not stay."""
    value_type, concept = str(item.get("ValueType") or "").strip(), _concept(item)
    action = content_action(concept, value_type, cleaner.policy)
    if action is Action.REMOVE:
        return None
    clean = cleaner.dataset(item, without=_OWN_RULES)
    if concept is not None and not _says_the_same(concept, _concept(clean)):
        return None
    if value_type in _VALUES:
        tag, vr = _VALUES[value_type]
        if tag in item:
            value = _value(item, value_type, concept, action, cleaner)
            if value is None:
                return None
            clean.add(DataElement(tag, vr, value))
    elif value_type == "CODE":
        said = _code(item.get("ConceptCodeSequence"))
        if said is None or not _says_the_same(said, _code(clean.get("ConceptCodeSequence"))):
            return None
    elif value_type == "NUM":
        if "NumericValue" in item and clean.get("NumericValue") is None:
            return None
        _keep_measured(clean, concept)
    elif value_type not in _OF_ATTRIBUTES and not clean.get("ReferencedContentItemIdentifier"):
        return None
    return clean


def _value(
    item: Dataset, value_type: str, concept: Concept | None, action: Action, cleaner: Cleaner
) -> str | None:
    """The clean value of an item of text, or a dummy; None if the item may not stay."""
    tag, vr = _VALUES[value_type]
    said = str(item[tag].value or "").strip(" \0")
    if not said:
        return ""
    if action not in (Action.EMPTY, Action.REPLACE):
        kept = _passing(said, tag, vr, action, cleaner)
        if kept:
            return kept
        action = emptied_action(concept, value_type)
        if action is Action.REMOVE and not item.get("ContentSequence"):
            return None
    return dummy(vr)


def _passing(said: str, tag: int, vr: str, action: Action, cleaner: Cleaner) -> str:
    """What the policy lets pass of a value."""
    if vr == "UT" and action is Action.CLEAN:
        kept = cleaner.rules.text(said)
        if kept:
            cleaner.rules.kept.append((tag, kept))
        return kept
    changed = cleaner.rules.texts(tag, vr, action, [said])
    return changed[0] if changed else ""


def _keep_measured(clean: Dataset, concept: Concept | None) -> None:
    """Leave no measurement without its number; group the ages of the very old."""
    measured = clean.get("MeasuredValueSequence") or ()
    if not all(value.get("NumericValue") is not None for value in measured):
        clean.MeasuredValueSequence = Items()
    elif concept == _SUBJECT_AGE:
        for value in measured or [clean]:  # outside reports an item holds the number itself
            unit = _code(value.get("MeasurementUnitsCodeSequence"))
            if unit == ("UCUM", "a") and value.get("NumericValue", 0) > OLDEST_AGE:
                value.NumericValue = OLDEST_AGE


def _concept(item: Dataset) -> Concept | None:
    return _code(item.get("ConceptNameCodeSequence"))


def _code(sequence: Sequence[Dataset] | None) -> Concept | None:
    """Coding scheme designator and value of a coded entry."""
    for code in sequence or ():
        value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue")
        if value:
            return str(code.get("CodingSchemeDesignator") or "").strip(), str(value).strip()
    return None


def _says_the_same(before: Concept, now: Concept | None) -> bool:
    """Whether a code stayed, be it without its scheme."""
    return now is not None and now[1] == before[1]


def _positions(nodes: Sequence[_Node], before: _Position, now: _Position) -> dict[_Position, _Position]:
    """Where each item was that is no reference → where it is."""
    found = {before: now}
    for number, node in enumerate(nodes, start=1):
        if node.refers_to is None:
            found |= _positions(node.children, (*before, node.number), (*now, number))
    return found


def _drop_dangling(nodes: list[_Node], positions: Container[_Position]) -> None:
    nodes[:] = [node for node in nodes if node.refers_to is None or node.refers_to in positions]
    for node in nodes:
        _drop_dangling(node.children, positions)


def _written(node: _Node, positions: Mapping[_Position, _Position]) -> Dataset:
    target = node.refers_to
    if target is not None:
        node.clean.ReferencedContentItemIdentifier = list(positions[target])
    if node.children:
        node.clean.ContentSequence = Items(_written(child, positions) for child in node.children)
    return node.clean
