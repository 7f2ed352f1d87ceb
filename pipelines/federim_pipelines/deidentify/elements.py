"""De-identify one instance element by element with pydicom: the reference path."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence

from federim.model.identifiers import Subject
from federim_pipelines.deidentify.attributes import REQUIRED_TEXT
from federim_pipelines.deidentify.codes import code_meaning
from federim_pipelines.deidentify.own_values import OwnValues
from federim_pipelines.deidentify.part10 import file_meta
from federim_pipelines.deidentify.pixels import without_words
from federim_pipelines.deidentify.policy import Action, Policy
from federim_pipelines.deidentify.values import ValueRules, dummy, known

# Written anew, or left over by whoever wrote the file before.
_DROPPED_GROUPS = frozenset({0x0000, 0x0002, 0x0004, 0xFFFA, 0xFFFC, 0xFFFE})
_LENGTH_TO_END = 0x00080001
_CHARACTER_SET = 0x00080005
_OVERLAY_DATA = 0x3000


def deidentify(dataset: Dataset, subject: Subject, policy: Policy) -> Dataset:
    """A new dataset: what `policy` lets pass of `dataset`, under the subject's pseudonym, dates and UIDs.

    `dataset` is left as it was. The result has its own file meta and a zeroed preamble, keeps the transfer
    syntax, and is in UTF-8. An element that cannot be read as its VR is removed.

    Raises
    ------
    InputError
        The transfer syntax is private or unknown.
    AttributeError
        SOPClassUID or SOPInstanceUID is absent.

    References
    ----------
    DICOM PS3.15, Annex E.
    """
    rules = ValueRules(subject, OwnValues.of(dataset), moves_dates=policy.moves_dates)
    clean = _Cleaner(policy, rules).dataset(dataset)
    clean.SpecificCharacterSet = "ISO_IR 192"
    clean.PatientID = subject.person_id
    clean.PatientName = None  # the pseudonym is in PatientID; a second copy would be one more to re-key
    _stamp(clean, policy)
    clean.preamble = bytes(128)
    clean.file_meta = file_meta(dataset, clean)
    pixels = without_words(clean)
    if pixels is not None:
        clean.add(pixels)
    return clean


class _Cleaner:
    """Applies a policy to a dataset and to all that is nested in it."""

    def __init__(self, policy: Policy, rules: ValueRules) -> None:
        self._policy = policy
        self._rules = rules

    def dataset(self, source: Dataset) -> Dataset:
        """A clean copy of a dataset or of a sequence's item."""
        clean = Dataset()
        for tag in sorted(source.keys()):
            action = self._action(tag)
            if _never_kept(tag) or action is Action.REMOVE:
                continue
            try:
                element = source[tag]
            except Exception:  # noqa: S112 — pydicom raises many kinds on a damaged value
                continue
            kept = self._element(element, action)
            if kept is not None:
                clean.add(kept)
        _say_what_a_code_means(source, clean)
        return clean

    def _action(self, tag: int) -> Action | None:
        action = self._policy.action(tag)
        if action is None and tag >> 24 == 0x60:  # what describes an overlay goes with its data
            return self._policy.action(tag & 0xFFFF0000 | _OVERLAY_DATA)
        return action

    def _element(self, element: DataElement, action: Action | None) -> DataElement | None:
        tag, vr = element.tag, element.VR
        if action is None:
            if not known(tag, vr):
                return None
            if tag in REQUIRED_TEXT:
                action = Action.REPLACE
        if vr == "SQ":
            return self._sequence(element, action)
        if element.is_empty or action is Action.EMPTY:
            return DataElement(tag, vr, None)
        if action is Action.REPLACE:
            # A dummy UID that differs from its like elsewhere would break references for nothing.
            value = self._rules.keyed(element) if vr == "UI" else dummy(vr)
            return DataElement(tag, vr, value)
        if action is Action.UID:
            value = self._rules.keyed(element)
        elif action is Action.DATE:
            value = self._rules.moved(element)
        elif action is Action.KEEP:
            value = self._rules.kept(element)
        else:
            value = self._rules.unlisted(element)
        if value is None:
            return None
        return element if value is element.value else DataElement(tag, vr, value)

    def _sequence(self, element: DataElement, action: Action | None) -> DataElement:
        """Items are cleaned where the sequence may stay. D empties it: an invented item would be a lie."""
        stays = action in (None, Action.KEEP)
        items = [self.dataset(item) for item in element.value] if stays else []
        return DataElement(element.tag, "SQ", Sequence(items))


def _never_kept(tag: int) -> bool:
    group, number = tag >> 16, tag & 0xFFFF
    return (
        group % 2 == 1
        or number == 0  # group length
        or group in _DROPPED_GROUPS
        or tag in (_LENGTH_TO_END, _CHARACTER_SET)
    )


def _say_what_a_code_means(source: Dataset, clean: Dataset) -> None:
    """Put the dictionary's meaning beside a code that had one; the code itself stands in where it gives none.

    CodeMeaning is Type 1, and senders put names, wards and remarks in it.
    """
    value = clean.get("CodeValue") or clean.get("LongCodeValue") or clean.get("URNCodeValue")
    if value and "CodeMeaning" in source:
        scheme = str(clean.get("CodingSchemeDesignator") or "")
        clean.CodeMeaning = code_meaning(scheme, str(value)) or str(value)


def _stamp(clean: Dataset, policy: Policy) -> None:
    """Say in the object what was done to it (PS3.15, E.3; PS3.3, C.7.1.1 and C.12.1)."""
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = f"Federim policy {policy.digest[:16]}"
    items = []
    for code in policy.codes:
        item = Dataset()
        item.CodeValue = code
        item.CodingSchemeDesignator = "DCM"
        item.CodeMeaning = code_meaning("DCM", code)
        items.append(item)
    clean.DeidentificationMethodCodeSequence = Sequence(items)
    clean.LongitudinalTemporalInformationModified = "MODIFIED" if policy.moves_dates else "REMOVED"
